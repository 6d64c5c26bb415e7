import NFSExposure
import NFSProtocol
import ONCRPC
import Testing
import VirtualTree

@Suite struct ReadTests {
    private func limits(stall: Duration, prefix: Duration) -> NFSLimits {
        var limits = NFSLimits()
        limits.waitPolicy = ReadWaitPolicy(stallTimeout: stall, prefixPatience: prefix)
        return limits
    }

    private func withFile(
        _ name: String,
        limits: NFSLimits = NFSLimits(),
        _ body: (RPCClient, NFS3FileHandle, TestServer) async throws -> Void
    ) async throws {
        try await withServer(limits: limits) { server in
            let client = try server.client()
            let file = try client.lookup(name, in: try client.mount("/torrents/movies"))
            try await body(client, file, server)
        }
    }

    @Test func s60_s61_s62_tellsTheEndOfTheFile() async throws {
        try await withFile("film.mkv") { client, film, server in
            let size = UInt64(server.film.bytes.count)
            for offset in [size, size + 1, 1 << 40, .max - 1, .max] {
                let past = try client.read(film, at: offset, count: 4096)
                #expect(past.data.isEmpty && past.isEndOfFile == true)
            }
            let last = try client.read(film, at: size - 3, count: 3)
            #expect(last.data == server.film.bytes.suffix(3) && last.isEndOfFile == true)
            let over = try client.read(film, at: size - 3, count: .max)
            #expect(over.data == server.film.bytes.suffix(3) && over.isEndOfFile == true)
            let before = try client.read(film, at: size - 3, count: 2)
            #expect(before.data.count == 2 && before.isEndOfFile == false)
            let none = try client.read(film, at: 5, count: 0)
            #expect(none.data.isEmpty && none.isEndOfFile == false)
            let noneAtEnd = try client.read(film, at: size, count: 0)
            #expect(noneAtEnd.isEndOfFile == true)
        }
    }

    @Test func s60_anEmptyFileEndsAtOnce() async throws {
        try await withFile("empty.txt") { client, file, _ in
            let result = try client.read(file, at: 0, count: 4096)
            #expect(result.data.isEmpty && result.isEndOfFile == true)
        }
    }

    @Test func s63_neverReadsMoreThanTheMaximum() async throws {
        var limits = NFSLimits()
        limits.readByteCount = 65536
        try await withFile("film.mkv", limits: limits) { client, film, server in
            let result = try client.read(film, at: 0, count: .max)
            #expect(result.data == Array(server.film.bytes[..<65536]))
            #expect(result.isEndOfFile == false)
        }
    }

    @Test func s66_readsNoDirectories() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            #expect(try client.read(movies, at: 0, count: 10).status == .isDirectory)
        }
    }

    @Test func s63_everyLengthComesWithItsPadding() async throws {
        try await withFile("film.mkv") { client, film, server in
            for count in [1, 2, 3, 4, 5, 16383, 16384, 16385, 65535, 131_071] {
                let result = try client.read(film, at: 7, count: UInt32(count))
                #expect(result.data == Array(server.film.bytes[7..<7 + count]))
            }
        }
    }

    @Test func s64_s67_prefixIsAnsweredShortInWholePages() async throws {
        let limits = limits(stall: .seconds(600), prefix: .milliseconds(20))
        try await withFile("stalled.mkv", limits: limits) { client, file, server in
            server.stalled.verify(upTo: 10000)
            let result = try client.read(file, at: 0, count: 65536)
            #expect(result.data == Array(server.stalled.bytes[..<8192]))
            #expect(result.isEndOfFile == false)
            let rest = try client.read(file, at: 8192, count: 65536)
            #expect(rest.data == Array(server.stalled.bytes[8192..<10000]))
        }
    }

    @Test func s64_prefixThatComesLaterIsAnsweredShort() async throws {
        let limits = limits(stall: .seconds(600), prefix: .milliseconds(20))
        try await withFile("stalled.mkv", limits: limits) { client, file, server in
            let xid = try client.start(.read, READ3Arguments(file: file, offset: 0, count: 65536))
            _ = try client.attributes(file)
            server.stalled.verify(upTo: 4096)
            let reply = try client.receive()
            #expect(reply.xid == xid)
            let result = try ReadResult(reply)
            #expect(result.data.count == 4096)
        }
    }

    @Test func s69_nothingIsJukeboxWithAttributes() async throws {
        let limits = limits(stall: .milliseconds(30), prefix: .milliseconds(20))
        try await withFile("stalled.mkv", limits: limits) { client, file, server in
            let result = try client.read(file, at: 0, count: 65536)
            guard case .failure(.jukebox, let attributes) = result.result else {
                throw ClientError(what: "\(result.result)")
            }
            #expect(attributes?.size == 1 << 20)
            #expect(server.stalled.waitCount == 0)
            server.stalled.verify(upTo: 1 << 20)
            #expect(try client.read(file, at: 0, count: 65536).data.count == 65536)
        }
    }

    @Test func s69_removalIsStaleAndFailureIsIO() async throws {
        try await withFile("stalled.mkv") { client, file, server in
            for (availability, status) in [
                (FileAvailability.removed, NFS3Status.stale), (.failed, .io),
            ] {
                try client.start(.read, READ3Arguments(file: file, offset: 0, count: 4096))
                _ = try client.attributes(file)
                server.stalled.end(availability)
                let result = try ReadResult(client.receive())
                #expect(result.status == status)
                #expect(server.stalled.waitCount == 0)
            }
        }
    }

    @Test func s65_aFailingDiskIsIO() async throws {
        try await withFile("film.mkv") { client, film, server in
            server.film.failReads(.storage("No medium"))
            let failed = try client.read(film, at: 0, count: 10)
            #expect(failed.status == .io)
            server.film.failReads(.removed)
            let removed = try client.read(film, at: 0, count: 10)
            #expect(removed.status == .stale)
        }
    }

    @Test func aReadWhoseBytesAreEvictedWaitsForThemAgain() async throws {
        let limits = limits(stall: .seconds(600), prefix: .seconds(600))
        try await withFile("film.mkv", limits: limits) { client, film, server in
            server.film.evictByNextRead()
            let xid = try client.start(.read, READ3Arguments(file: film, offset: 0, count: 4096))
            _ = try client.attributes(film)
            #expect(server.film.waitCount == 1)
            server.film.verify(upTo: server.film.bytes.count)
            let reply = try client.receive()
            #expect(reply.xid == xid)
            #expect(try ReadResult(reply).data == Array(server.film.bytes[..<4096]))
        }
    }

    @Test func aReadWhoseBytesAreEvictedTwiceIsJukebox() async throws {
        try await withFile("film.mkv") { client, film, server in
            server.film.failReads(.notVerified)
            let result = try client.read(film, at: 0, count: 10)
            #expect(result.status == .jukebox)
            #expect(server.film.servedCount == 2 && server.film.waitCount == 0)
        }
    }

    @Test func s68_twoClientsThatWaitAreBothAnswered() async throws {
        try await withFile("stalled.mkv") { first, file, server in
            let second = try server.client()
            for client in [first, second] {
                try client.start(.read, READ3Arguments(file: file, offset: 0, count: 4096))
                _ = try client.attributes(file)
            }
            server.stalled.verify(upTo: 4096)
            for client in [first, second] {
                let result = try ReadResult(client.receive())
                #expect(result.data == Array(server.stalled.bytes[..<4096]))
            }
        }
    }

    @Test func s70_manyReadsOutstandingComeBackWithTheirBytes() async throws {
        try await withFile("film.mkv") { client, film, server in
            server.film.readFromDisk()
            var random = SplitMix(state: 11)
            var expected: [UInt32: Range<Int>] = [:]
            for _ in 0..<200 {
                let start = Int.random(in: 0..<300_000, using: &random)
                let count = Int.random(in: 1...100_000, using: &random)
                let xid = try client.start(
                    .read,
                    READ3Arguments(file: film, offset: UInt64(start), count: UInt32(count))
                )
                expected[xid] = start..<min(start + count, 300_003)
            }
            for _ in 0..<200 {
                let reply = try client.receive()
                let known = expected.removeValue(forKey: reply.xid)
                let range = try #require(known)
                let result = try ReadResult(reply)
                #expect(result.data == Array(server.film.bytes[range]))
            }
        }
    }

    @Test func s24_s26_waitingReadsThatComeAtOnceAllReachASlowClient() async throws {
        try await withFile("stalled.mkv", limits: NFSLimits()) { client, file, server in
            var offsets: [UInt32: Int] = [:]
            for index in 0..<64 {
                let read = READ3Arguments(file: file, offset: UInt64(index), count: 1 << 20)
                offsets[try client.start(.read, read)] = index
            }
            _ = try client.attributes(file)
            #expect(server.stalled.waitCount == 64)
            server.stalled.verify(upTo: 1 << 20)
            #expect(await eventually { server.stalled.waitCount == 0 })
            #expect(server.stalled.servedCount < 64, "the client has taken nothing yet")
            for _ in 0..<64 {
                let reply = try client.receive()
                let known = offsets.removeValue(forKey: reply.xid)
                let offset = try #require(known)
                #expect(try ReadResult(reply).data == Array(server.stalled.bytes[offset...]))
            }
        }
    }

    @Test func nothingBehindARecordThatClosesTheConnectionWaits() async throws {
        try await withFile("stalled.mkv", limits: limits(stall: .seconds(600), prefix: .seconds(1)))
        {
            client,
            file,
            server in
            let read = READ3Arguments(file: file, offset: 0, count: 4096)
            var reply = RPCClient.message(xid: 7, 0, XDRVoid())
            reply[7] = 1
            try client.send(
                RPCClient.record(reply)
                    + RPCClient.record(
                        RPCClient.message(xid: 8, NFS3Procedure.read.rawValue, read)
                    )
            )
            #expect(client.isClosedByServer)
            #expect(server.stalled.startedWaits == 0)
        }
    }

    @Test func tellsTheTreeOfEveryRead() async throws {
        try await withFile("film.mkv") { client, film, server in
            for _ in 0..<3 { _ = try client.read(film, at: 0, count: 10) }
            #expect(server.film.readCount == 3)
        }
    }
}
