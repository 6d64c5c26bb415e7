import NFSExposure
import NFSProtocol
import ONCRPC
import Testing
import VirtualTree

/// What clients that take their replies slowly cost, and whom they hold up: nobody.
@Suite struct FairnessTests {
    /// A client that has asked for `count` READs of 1 MiB that are all there, and has taken nothing; it is
    /// served as if it were not on this machine.
    private func withUntakenReads(
        _ count: Int,
        limits: NFSLimits = NFSLimits(),
        _ body: (RPCClient, NFS3FileHandle, [UInt32], TestServer) async throws -> Void
    ) async throws {
        var limits = limits
        limits.chunkByteCount.local = limits.chunkByteCount.usual
        limits.unsentBytes.local = limits.unsentBytes.usual
        try await withServer(limits: limits) { server in
            server.stalled.verify(upTo: 1 << 20)
            let client = try server.client()
            let file = try client.lookup("stalled.mkv", in: client.mount("/torrents/movies"))
            let xids = try (0..<count).map { _ in
                try client.start(.read, READ3Arguments(file: file, offset: 0, count: 1 << 20))
            }
            try await body(client, file, xids, server)
        }
    }

    @Test func s24_attributesOvertakeTheDataOfReads() async throws {
        try await withUntakenReads(32) { client, file, reads, server in
            #expect(await eventually { server.stalled.readCount == 32 })
            let asked = try client.start(.getAttributes, GETATTR3Arguments(object: file))
            var xids: [UInt32] = []
            while xids.last != asked { xids.append(try client.receive().xid) }
            // Behind what the kernel holds already, and the rest of one READ.
            #expect(xids.count < 16)
            #expect(xids.dropLast() == reads.prefix(xids.count - 1))
            for read in reads[(xids.count - 1)...] { #expect(try client.receive().xid == read) }
            #expect(await eventually { server.stalled.holdCount == 0 })
        }
    }

    @Test func s24_callsWhoseRepliesWouldBeTooManyAreAnsweredLater() async throws {
        var limits = NFSLimits()
        limits.replyBytes = 16 * 1024
        limits.deferredCalls = 256
        try await withUntakenReads(12, limits: limits) { client, file, reads, server in
            #expect(await eventually { server.stalled.readCount == 12 })
            // Replies that are kept, calls that are put off, and some that are not read yet.
            let asked = try (0..<600).map { _ in
                try client.start(.getAttributes, GETATTR3Arguments(object: file))
            }
            var missing = Set(reads + asked)
            while !missing.isEmpty, missing.remove(try client.receive().xid) != nil {}
            #expect(missing.isEmpty)
        }
    }

    @Test func s26_ofUntakenReadsOnePartIsInMemory() async throws {
        try await withUntakenReads(200) { client, _, _, server in
            #expect(await eventually { server.stalled.readCount == 200 })
            // What is not in the kernel is one part; the pieces of one READ are kept from eviction.
            #expect(server.stalled.servedCount < 64)
            #expect(server.stalled.holdCount <= 1)
            client.close()
            #expect(await eventually { server.stalled.holdCount == 0 })
        }
    }

    @Test func s26_crowdsOfSlowReadersGetSmallerParts() async throws {
        var limits = NFSLimits()
        limits.heldBytes = 0
        limits.chunkByteCount.crowded = 4096
        try await withUntakenReads(4, limits: limits) { slow, file, reads, server in
            #expect(await eventually { server.stalled.readCount == 4 })
            let other = try server.client()
            #expect(try other.read(file, at: 0, count: 1 << 20).data == server.stalled.bytes)
            for _ in reads {
                #expect(try ReadResult(try slow.receive()).data == server.stalled.bytes)
            }
        }
    }

    @Test func s24_countsTheWaitingReadsOfAllConnections() async throws {
        var limits = NFSLimits()
        limits.allWaitingReads = 1
        try await withServer(limits: limits) { server in
            let first = try server.client()
            let file = try first.lookup("stalled.mkv", in: first.mount("/torrents/movies"))
            try first.start(.read, READ3Arguments(file: file, offset: 0, count: 4096))
            _ = try first.attributes(file)
            let second = try server.client()
            #expect(try second.read(file, at: 0, count: 4096).status == .jukebox)
            first.close()
            #expect(await eventually { server.stalled.waitCount == 0 })
            try second.start(.read, READ3Arguments(file: file, offset: 0, count: 4096))
            _ = try second.attributes(file)
            #expect(server.stalled.waitCount == 1)
        }
    }

    @Test func readsWhatOnlyTheDiskHasBesideWhatTheCacheHas() async throws {
        try await withUntakenReads(12) { client, file, reads, server in
            #expect(await eventually { server.stalled.readCount == 12 })
            // From now on: of one READ a part has been sent already.
            server.stalled.readFromDisk()
            var missing = Set(reads)
            for _ in reads {
                let reply = try client.receive()
                #expect(missing.remove(reply.xid) != nil)
                #expect(try ReadResult(reply).data == server.stalled.bytes)
            }
        }
    }

    @Test func aReadThatBreaksOffEndsTheConnection() async throws {
        try await withUntakenReads(32) { client, file, reads, server in
            #expect(await eventually { server.stalled.readCount == 32 })
            // Of a READ the first part is there, so that it begins.
            server.stalled.failReads(.storage("No medium"), from: 1)
            var statuses: [NFS3Status] = []
            while let reply = try? client.receive() {
                var results = reply.results
                let status = try results.readXDR(UInt32.self)
                statuses.append(try #require(NFS3Status(rawValue: status)))
            }
            #expect(statuses.allSatisfy { $0 == .ok } && statuses.count < 32)
            #expect(await eventually { server.stalled.holdCount == 0 })
        }
    }
}
