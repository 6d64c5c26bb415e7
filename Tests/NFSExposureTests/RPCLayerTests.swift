import Logging
import NFSExposure
import NFSProtocol
import NIOCore
import NIOPosix
import ONCRPC
import Testing

/// The RPC layer: RFC 5531 over TCP.
@Suite struct RPCLayerTests {
    private static let null = RPCClient.message(xid: 77, 0, XDRVoid())

    @Test func s01_reassemblesFragmentsOfOneByte() async throws {
        try await withServer { server in
            let client = try server.client()
            for (index, byte) in Self.null.enumerated() {
                let last: UInt8 = index == Self.null.count - 1 ? 0x80 : 0
                try client.send([last, 0])
                try client.send([0, 1, byte])
            }
            #expect(try client.receive().xid == 77)
        }
    }

    @Test func s02_answersSeveralRecordsOfOneSegment() async throws {
        try await withServer { server in
            let client = try server.client()
            try client.send(
                (1...50).flatMap {
                    RPCClient.record(RPCClient.message(xid: $0, 0, XDRVoid()))
                }
            )
            for xid in 1...50 { #expect(try client.receive().xid == UInt32(xid)) }
        }
    }

    @Test func s03_toleratesEmptyFragmentsAndClosesOnEmptyRecords() async throws {
        try await withServer { server in
            let client = try server.client()
            try client.send([0, 0, 0, 0] + [0, 0, 0, 0] + RPCClient.record(Self.null))
            #expect(try client.receive().xid == 77)
            try client.send([0x80, 0, 0, 0])
            #expect(client.isClosedByServer)
        }
    }

    @Test(
        arguments: [[UInt8]]([
            [0x80, 1, 0, 1], [0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff],
        ])
    )
    func s04_closesOnARecordAboveTheCap(mark: [UInt8]) async throws {
        try await withServer { server in
            let client = try server.client()
            try client.send(mark)
            #expect(client.isClosedByServer)
        }
    }

    @Test func s05_closesAnUnfinishedRecordAndKeepsAnIdleConnection() async throws {
        var limits = NFSLimits()
        limits.partialRecordTimeout = .milliseconds(50)
        try await withServer(limits: limits) { server in
            let idle = try server.client()
            _ = try idle.request(0, XDRVoid())
            let slow = try server.client()
            try slow.send(Array(RPCClient.record(Self.null).prefix(20)))
            #expect(slow.isClosedByServer)
            #expect(try idle.request(0, XDRVoid()).reply == .success)
        }
    }

    @Test func s06_s07_waitingReadDoesNotDelayGetattr() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let stalled = try client.lookup("stalled.mkv", in: movies)
            let film = try client.lookup("film.mkv", in: movies)
            let waiting = try client.start(
                .read,
                READ3Arguments(file: stalled, offset: 4096, count: 8192)
            )
            guard case .success = try client.attributes(stalled) else {
                Issue.record("GETATTR failed")
                return
            }
            _ = try client.lookup("film.mkv", in: movies)
            #expect(
                try client.read(film, at: 0, count: 4096).data == Array(server.film.bytes[..<4096])
            )
            // Out of order, with its own XID.
            server.stalled.verify(upTo: 1 << 20)
            let reply = try client.receive()
            #expect(reply.xid == waiting)
            #expect(try ReadResult(reply).data == Array(server.stalled.bytes[4096..<12288]))
            #expect(server.stalled.waitCount == 0)
        }
    }

    @Test func s09_answersOtherRPCVersionsAndKeepsTheConnection() async throws {
        try await withServer { server in
            let client = try server.client()
            var message = Self.null
            message[11] = 3
            try client.send(RPCClient.record(message))
            #expect(try client.receive().reply == .rpcMismatch(low: 2, high: 2))
            #expect(try client.request(0, XDRVoid()).reply == .success)
        }
    }

    @Test func s10_neverAnswersAReply() async throws {
        try await withServer { server in
            let client = try server.client()
            var message = Self.null
            message[7] = 1
            try client.send(RPCClient.record(message))
            #expect(client.isClosedByServer)
        }
    }

    @Test(arguments: [100_227, 100_011, 100_270, 200_024, 0, UInt32.max])
    func s11_doesNotServeOtherPrograms(program: UInt32) async throws {
        try await withServer { server in
            let reply = try server.client().request(program: program, 0, XDRVoid())
            #expect(reply.reply == .programUnavailable)
        }
    }

    @Test func s12_tellsTheVersionsItServes() async throws {
        try await withServer { server in
            let client = try server.client()
            for version: UInt32 in [0, 2, 4, 5] {
                #expect(
                    try client.request(version: version, 0, XDRVoid()).reply
                        == .programMismatch(low: 3, high: 3)
                )
            }
            for version: UInt32 in [0, 2, 4] {
                let reply = try client.request(
                    program: ProgramNumber.mount,
                    version: version,
                    0,
                    XDRVoid()
                )
                #expect(reply.reply == .programMismatch(low: 1, high: 3))
            }
        }
    }

    @Test func s13_knowsItsProcedures() async throws {
        try await withServer { server in
            let client = try server.client()
            for procedure: UInt32 in [22, 100, .max] {
                #expect(try client.request(procedure, XDRVoid()).reply == .procedureUnavailable)
            }
            for procedure: UInt32 in [6, .max] {
                let reply = try client.request(
                    program: ProgramNumber.mount,
                    procedure,
                    XDRVoid()
                )
                #expect(reply.reply == .procedureUnavailable)
            }
        }
    }

    @Test func s14_s15_answersGarbageArgumentsToEveryTruncation() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            for call in AllCalls.ofEveryProgram(for: movies) {
                // Byte by byte: what encodes arguments would fill the last word.
                func reply(_ arguments: some Sequence<UInt8>) throws -> RPCReply {
                    let head = RPCClient.message(
                        xid: client.newXID(),
                        program: call.program,
                        version: call.version,
                        call.procedure,
                        XDRVoid()
                    )
                    try client.send(RPCClient.record(head + arguments))
                    return try client.receive().reply
                }
                for count in 0..<call.arguments.count {
                    let reply = try reply(call.arguments.prefix(count))
                    #expect(reply == .garbageArguments, "\(call) of \(count)")
                }
                #expect(try reply(call.arguments + [0, 0, 0, 0]) == .success, "\(call)")
                let trailing = [UInt8](repeating: 0, count: 64)
                #expect(try reply(call.arguments + trailing) == .garbageArguments, "\(call)")
            }
        }
    }

    @Test func s16_answersNullToAnybody() async throws {
        try await withServer(exports: "/torrents 10.9.9.9") { server in
            let client = try server.client()
            for credential in [Credential.none, RPCClient.user] {
                #expect(try client.request(0, XDRVoid(), credential: credential).reply == .success)
                for version: UInt32 in [1, 3] {
                    let reply = try client.request(
                        program: ProgramNumber.mount,
                        version: version,
                        0,
                        XDRVoid(),
                        credential: credential
                    )
                    #expect(reply.reply == .success)
                }
                let locks = try client.request(
                    program: ProgramNumber.nlm,
                    version: 4,
                    0,
                    XDRVoid(),
                    credential: credential
                )
                #expect(locks.reply == .success)
            }
        }
    }

    @Test(arguments: [2, 3, 6, 99] as [UInt8])
    func s18_rejectsOtherFlavors(flavor: UInt8) async throws {
        try await withServer { server in
            let client = try server.client()
            var message = RPCClient.message(xid: 5, 0, XDRVoid(), credential: .none)
            message[27] = flavor
            try client.send(RPCClient.record(message))
            #expect(try client.receive().reply == .authError(.rejectedCredential))
            #expect(try client.request(0, XDRVoid()).reply == .success)
        }
    }

    @Test func s19_wantsACredentialUnlessTheExportDoesNot() async throws {
        try await withServer(exports: "/torrents *\n/torrents/other *(sec=none)") { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let other = try client.mount("/torrents/other")
            let getattr = NFS3Procedure.getAttributes.rawValue
            let refused = try client.request(
                getattr,
                GETATTR3Arguments(object: movies),
                credential: .none
            )
            #expect(refused.reply == .authError(.tooWeak))
            let served = try client.request(
                getattr,
                GETATTR3Arguments(object: other),
                credential: .none
            )
            #expect(served.reply == .success)
        }
    }

    @Test func s20_doesNotEchoTheVerifier() async throws {
        try await withServer { server in
            let reply = try server.client().request(0, XDRVoid())
            // xid, REPLY, MSG_ACCEPTED, AUTH_NONE, 0 bytes, SUCCESS
            #expect(
                Array(reply.record.readableBytesView.dropFirst(4)) == [
                    0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                ]
            )
        }
    }

    @Test func s21_retransmissionAttachesToTheWaitingRead() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let stalled = try client.lookup("stalled.mkv", in: movies)
            let arguments = READ3Arguments(file: stalled, offset: 0, count: 4096)
            let xid = try client.start(.read, arguments)
            try client.start(.read, arguments, xid: xid)
            _ = try client.attributes(stalled)
            #expect(server.stalled.startedWaits == 1)
            server.stalled.verify(upTo: 1 << 20)
            #expect(try client.receive().xid == xid)
            // No second reply comes before that of the next call.
            _ = try client.attributes(stalled)
        }
    }

    @Test func s23_closingTheConnectionEndsItsWaits() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let stalled = try client.lookup("stalled.mkv", in: movies)
            for index in 0..<100 {
                try client.start(
                    .read,
                    READ3Arguments(file: stalled, offset: UInt64(index) * 4096, count: 4096)
                )
            }
            _ = try client.attributes(stalled)
            #expect(server.stalled.waitCount == 100)
            client.close()
            #expect(await eventually { server.stalled.waitCount == 0 })
        }
    }

    @Test func s24_refusesConnectionsAboveTheLimit() async throws {
        var limits = NFSLimits()
        limits.connections = 2
        try await withServer(limits: limits) { server in
            let first = try server.client()
            let second = try server.client()
            _ = try first.request(0, XDRVoid())
            _ = try second.request(0, XDRVoid())
            #expect(try server.client().isClosedByServer)
            #expect(try first.request(0, XDRVoid()).reply == .success)
        }
    }

    @Test func s24_oneHostCannotTakeAllConnections() async throws {
        var limits = NFSLimits()
        limits.connectionsPerHost = 2
        try await withServer(limits: limits) { server in
            let first = try server.client()
            let second = try server.client()
            _ = try first.request(0, XDRVoid())
            _ = try second.request(0, XDRVoid())
            #expect(try server.client().isClosedByServer)
            second.close()
            // The server may hear of the end after the next beginning.
            var isServed = false
            for _ in 0..<1000 where !isServed {
                isServed = (try? server.client().request(0, XDRVoid()).reply) == .success
            }
            #expect(isServed)
        }
    }

    @Test func s24_tellsReadsAboveTheLimitToComeLater() async throws {
        var limits = NFSLimits()
        limits.waitingReads = 1
        try await withServer(limits: limits) { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let stalled = try client.lookup("stalled.mkv", in: movies)
            try client.start(.read, READ3Arguments(file: stalled, offset: 0, count: 4096))
            #expect(try client.read(stalled, at: 4096, count: 4096).status == .jukebox)
        }
    }

    @Test func s26_slowReaderHoldsUpNobodyAndLosesNothing() async throws {
        var limits = NFSLimits()
        limits.deferredCalls = 16
        try await withServer(limits: limits) { server in
            let slow = try server.client()
            let movies = try slow.mount("/torrents/movies")
            let film = try slow.lookup("film.mkv", in: movies)
            let xids = try (0..<120).map { _ in
                try slow.start(.read, READ3Arguments(file: film, offset: 0, count: 1 << 20))
            }
            let other = try server.client()
            #expect(try other.read(film, at: 0, count: 100).data.count == 100)
            for xid in xids {
                let reply = try slow.receive()
                #expect(reply.xid == xid)
                #expect(try ReadResult(reply).data.count == 300_003)
            }
        }
    }

    @Test func s28_survivesMutatedSessions() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let calls = AllCalls.arguments(for: movies).map { procedure, arguments in
                RPCClient.message(xid: 9, procedure, Raw(arguments))
            }
            var random = SplitMix(state: 3)
            for _ in 0..<300 {
                let victim = try server.client()
                var bytes: [UInt8] = []
                for _ in 0..<10 {
                    var record = RPCClient.record(calls.randomElement(using: &random) ?? [])
                    for _ in 0..<Int.random(in: 1...4, using: &random) {
                        let bit = Int.random(in: 0..<record.count * 8, using: &random)
                        record[bit / 8] ^= 1 << UInt8(bit % 8)
                    }
                    bytes += record
                }
                try? victim.send(bytes)
                victim.close()
            }
            #expect(try client.request(0, XDRVoid()).reply == .success)
        }
    }

    @Test func stopsWithWaitingReads() async throws {
        try await withServer { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            let stalled = try client.lookup("stalled.mkv", in: movies)
            try client.start(.read, READ3Arguments(file: stalled, offset: 0, count: 4096))
            _ = try client.attributes(stalled)
            await server.server.stop()
            #expect(client.isClosedByServer)
            #expect(server.stalled.waitCount == 0)
        }
    }

    @Test func runEndsWithItsTask() async throws {
        try await withServer { server in
            var configuration = NFSServerConfiguration()
            configuration.addresses = ["127.0.0.1"]
            configuration.port = 0
            configuration.registersWithRPCBind = false
            let codec = try #require(FileHandleCodec(key: TestServer.key))
            let running = NFSServer(
                configuration: configuration,
                tree: server.tree,
                handles: codec,
                exports: .empty(),
                group: MultiThreadedEventLoopGroup.singleton,
                logger: Logger(label: "nfs", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            let task = Task { try await running.run() }
            task.cancel()
            try await task.value
        }
    }
}
