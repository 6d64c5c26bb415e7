import NFSProtocol
import NIOCore
import NIOPosix
import ONCRPC
import Testing

@testable import NFSExposure

@Suite struct PortmapperTests {
    private static let served = [
        ("0.0.0.0", RPCBind.Transport.tcp), ("0.0.0.0", .udp), ("::", .tcp6),
    ].flatMap { host, transport in
        [(ProgramNumber.nfs, 3 as UInt32), (ProgramNumber.mount, 3), (ProgramNumber.mount, 1)]
            .filter { $0.0 == ProgramNumber.mount || !transport.isUDP }
            .map {
                ServedProgram(
                    program: $0.0,
                    version: $0.1,
                    transport: transport,
                    host: host,
                    port: 2049
                )
            }
    }

    private let program = PortmapProgram(served: Self.served)

    /// - Returns: the results; `nil` for silence.
    private func ask<T: XDRDecodable>(
        _ type: T.Type,
        version: UInt32,
        _ procedure: UInt32,
        _ arguments: some XDREncodable,
        by transport: RPCBind.Transport = .udp
    ) throws -> T? {
        var bytes = ByteBuffer()
        bytes.writeXDR(arguments)
        guard
            var reply = program.answer(
                call(version: version, procedure),
                arguments: bytes,
                PortmapProgram.Arrival(transport: transport, host: "10.0.0.7", time: 99)
            )
        else { return nil }
        let header = try RPCReply.decode(consuming: &reply)
        #expect(header.xid == 5)
        #expect(header.reply == .success)
        return try reply.decodeArguments(type, slack: 0)
    }

    private func call(version: UInt32, _ procedure: UInt32) -> RPCCall {
        RPCCall(xid: 5, program: 100_000, version: version, procedure: procedure)
    }

    private func port(
        _ program: UInt32,
        _ version: UInt32,
        _ protocolNumber: UInt32
    ) throws
        -> UInt32?
    {
        try ask(
            UInt32.self,
            version: 2,
            PortmapProcedure.getPort.rawValue,
            PortMapping(
                program: program,
                version: version,
                protocolNumber: protocolNumber,
                port: 0
            )
        )
    }

    @Test func s31_tellsPorts() throws {
        #expect(try port(ProgramNumber.nfs, 3, 6) == 2049)
        #expect(try port(ProgramNumber.mount, 1, 17) == 2049)
        // Not served by UDP; not served at all.
        #expect(try port(ProgramNumber.nfs, 3, 17) == 0)
        #expect(try port(100_227, 3, 6) == 0)
        // The program itself tells which versions there are.
        #expect(try port(ProgramNumber.nfs, 4, 6) == 2049)
    }

    @Test func s31_tellsAddressesByWhichTheCallerGetsOn() throws {
        func address(
            _ version: UInt32,
            _ procedure: RPCBindProcedure,
            _ wanted: RPCBinding
        ) throws
            -> String?
        {
            try ask(XDRString.self, version: version, procedure.rawValue, wanted)?.text
        }
        let tcp = RPCBinding(program: ProgramNumber.nfs, version: 3, netid: "tcp")
        let tcp6 = RPCBinding(program: ProgramNumber.nfs, version: 3, netid: "tcp6")
        let version4 = RPCBinding(program: ProgramNumber.nfs, version: 4, netid: "tcp")
        #expect(try address(3, .getAddress, tcp) == "10.0.0.7.8.1")
        #expect(try address(4, .getAddress, tcp) == "10.0.0.7.8.1")
        #expect(try address(4, .getAddress, tcp6) == "::.8.1")
        #expect(try address(4, .getAddress, version4) == "10.0.0.7.8.1")
        #expect(try address(4, .getVersionAddress, version4) == "")
        #expect(try address(4, .getVersionAddress, tcp) == "10.0.0.7.8.1")
    }

    @Test func s31_listsWhatIsServed() throws {
        let two = try ask(
            PortMappingList.self,
            version: 2,
            PortmapProcedure.dump.rawValue,
            XDRVoid()
        )
        #expect(two?.mappings.count == 5)
        let four = try ask(
            RPCBindingList.self,
            version: 4,
            RPCBindProcedure.dump.rawValue,
            XDRVoid()
        )
        #expect(four?.bindings.count == Self.served.count)
        #expect(
            try ask(UInt32.self, version: 3, RPCBindProcedure.getTime.rawValue, XDRVoid()) == 99
        )
    }

    @Test func s31_takesNoRegistrations() throws {
        let mapping = PortMapping(
            program: ProgramNumber.nfs,
            version: 3,
            protocolNumber: 6,
            port: 666
        )
        for procedure in [PortmapProcedure.set, .unset] {
            #expect(try ask(UInt32.self, version: 2, procedure.rawValue, mapping) == 0)
        }
        let binding = RPCBinding(program: ProgramNumber.nfs, version: 3, netid: "tcp")
        for procedure in [RPCBindProcedure.set, .unset] {
            #expect(try ask(UInt32.self, version: 4, procedure.rawValue, binding) == 0)
        }
        #expect(try port(ProgramNumber.nfs, 3, 6) == 2049)
    }

    @Test func s31_answersBroadcastsForItsOwnNullProceduresOnly() throws {
        func passOn(
            _ remote: RemoteCall,
            by transport: RPCBind.Transport = .udp
        ) throws
            -> RemoteCallResult?
        {
            try ask(
                RemoteCallResult.self,
                version: 2,
                PortmapProcedure.callIt.rawValue,
                remote,
                by: transport
            )
        }
        let null = RemoteCall(program: ProgramNumber.mount, version: 3, procedure: 0)
        #expect(try passOn(null) == RemoteCallResult(port: 2049))
        #expect(try passOn(null, by: .tcp) == nil)
        for other in [
            RemoteCall(program: ProgramNumber.mount, version: 3, procedure: 5),
            RemoteCall(program: ProgramNumber.mount, version: 3, procedure: 0, arguments: [0]),
            RemoteCall(program: ProgramNumber.mount, version: 2, procedure: 0),
            RemoteCall(program: 100_000, version: 2, procedure: 0),
            RemoteCall(program: 100_024, version: 1, procedure: 0),
        ] { #expect(try passOn(other) == nil, "\(other)") }
        let broadcast = try ask(
            BroadcastResult.self,
            version: 4,
            RPCBindProcedure.broadcast.rawValue,
            null
        )
        #expect(broadcast == BroadcastResult(address: "10.0.0.7.8.1"))
    }

    @Test func refusesWhatItDoesNotKnow() throws {
        func reply(_ call: RPCCall, _ arguments: [UInt8] = []) throws -> RPCReply? {
            let arrival = PortmapProgram.Arrival(transport: .tcp, host: "10.0.0.7", time: 0)
            guard
                var answer = program.answer(
                    call,
                    arguments: ByteBuffer(bytes: arguments),
                    arrival
                )
            else { return nil }
            return try RPCReply.decode(consuming: &answer).reply
        }
        #expect(try reply(call(version: 1, 0)) == .programMismatch(low: 2, high: 4))
        #expect(try reply(call(version: 5, 0)) == .programMismatch(low: 2, high: 4))
        #expect(try reply(call(version: 2, 6)) == .procedureUnavailable)
        #expect(try reply(call(version: 3, 9)) == .procedureUnavailable)
        #expect(try reply(call(version: 4, 12)) == .procedureUnavailable)
        #expect(try reply(call(version: 2, 3), [0, 0, 0]) == .garbageArguments)
        let other = RPCCall(xid: 5, program: ProgramNumber.nfs, version: 3, procedure: 0)
        #expect(try reply(other) == .programUnavailable)
    }

    @Test func s31_leavesThePortToWhoeverHasIt() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let other = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(other.localAddress?.port)
        let served = ServedProgram(
            program: ProgramNumber.nfs,
            version: 3,
            transport: .tcp,
            host: "127.0.0.1",
            port: 2049
        )
        let portmapper = Portmapper(port: port, group: group)
        #expect(await portmapper.start(serving: [served]) == .taken)
        try await other.close()
        #expect(await portmapper.start(serving: [served]) == .answers)

        let client = try RPCClient(port: port)
        let wanted = PortMapping(
            program: ProgramNumber.nfs,
            version: 3,
            protocolNumber: 6,
            port: 0
        )
        let answer = try client.request(
            program: PortmapProgram.number,
            version: 2,
            PortmapProcedure.getPort.rawValue,
            wanted
        )
        #expect(try answer.decode(UInt32.self) == 2049)
        // Bytes that are no record end the connection, and only that.
        try client.send([0xff, 0xff, 0xff, 0xff])
        #expect(client.isClosedByServer)
        await portmapper.stop()
    }
}
