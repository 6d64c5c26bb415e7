import CTirpcSystem
import NIOCore
import ONCRPC
import TestSupport
import Testing

@Suite struct RPCCallTests {
    static let authSys = AuthSys(
        machineName: "workstation.example",
        uid: 1000,
        gid: 100,
        groups: [4, 24, 27, 30, 46]
    )
    static let call = RPCCall(
        xid: 0xDEAD_BEEF,
        program: 100_003,
        version: 3,
        procedure: 6,
        credential: .sys(authSys)
    )

    static func encoded(_ call: RPCCall, arguments: [UInt8] = []) -> [UInt8] {
        var buffer = ByteBuffer()
        call.encode(into: &buffer)
        return Array(buffer.readableBytesView) + arguments
    }

    /// A call word by word, to be bent at will.
    static func words(
        xid: UInt32 = 7,
        type: UInt32 = 0,
        rpcVersion: UInt32 = 2,
        flavor: UInt32 = 0,
        credential: [UInt32] = [],
        credentialLength: UInt32? = nil,
        verifierLength: UInt32 = 0
    ) -> [UInt8] {
        let words: [UInt32] =
            [
                xid, type, rpcVersion, 100_003, 3, 0, flavor,
                credentialLength ?? UInt32(4 * credential.count),
            ] + credential + [0, verifierLength]
        return words.flatMap { word in withUnsafeBytes(of: word.bigEndian) { Array($0) } }
    }

    static func decode(_ bytes: [UInt8]) throws(RPCRejection) -> RPCCall {
        var record = ByteBuffer(bytes: bytes)
        return try RPCCall(consuming: &record)
    }

    @Test(arguments: [
        call,
        RPCCall(xid: 0, program: 100_005, version: 3, procedure: 0),
        RPCCall(
            xid: .max,
            program: .max,
            version: .max,
            procedure: .max,
            credential: .sys(
                AuthSys(
                    machineName: String(repeating: "m", count: 255),
                    uid: .max,
                    gid: .max,
                    groups: Array(1...16)
                )
            )
        ),
        RPCCall(
            xid: 1,
            program: 1,
            version: 1,
            procedure: 1,
            credential: .sys(AuthSys(machineName: "", uid: 0, gid: 0))
        ),
    ])
    func readsWhatAClientWrites(call: RPCCall) throws {
        var record = ByteBuffer(bytes: Self.encoded(call, arguments: [1, 2, 3, 4]))
        #expect(try RPCCall(consuming: &record) == call)
        #expect(Array(record.readableBytesView) == [1, 2, 3, 4])
    }

    @Test func writesWhatLibtirpcWrites() throws {
        var body = try #require(Self.oracleCredential(Self.authSys))
        let expected = body.withUnsafeMutableBytes { credential in
            Oracle.encode { xdr in
                var message = rpc_msg()
                message.rm_xid = Self.call.xid
                message.rm_direction = CALL
                message.ru.RM_cmb.cb_rpcvers = 2
                message.ru.RM_cmb.cb_prog = 100_003
                message.ru.RM_cmb.cb_vers = 3
                message.ru.RM_cmb.cb_proc = 6
                message.ru.RM_cmb.cb_cred.oa_flavor = 1
                message.ru.RM_cmb.cb_cred.oa_base = credential.baseAddress?
                    .assumingMemoryBound(to: CChar.self)
                message.ru.RM_cmb.cb_cred.oa_length = UInt32(credential.count)
                return xdr_callmsg(&xdr, &message) != 0
            }
        }
        #expect(Self.encoded(Self.call) == expected)
    }

    static func oracleCredential(_ authSys: AuthSys) -> [UInt8]? {
        var name = authSys.machineName.utf8CString.map { $0 }
        var groups = authSys.groups
        return name.withUnsafeMutableBufferPointer { name in
            groups.withUnsafeMutableBufferPointer { groups in
                Oracle.encode { xdr in
                    var parameters = authunix_parms(
                        aup_time: 0,
                        aup_machname: name.baseAddress,
                        aup_uid: authSys.uid,
                        aup_gid: authSys.gid,
                        aup_len: UInt32(groups.count),
                        aup_gids: groups.baseAddress
                    )
                    return xdr_authunix_parms(&xdr, &parameters) != 0
                }
            }
        }
    }

    @Test func readsFromAnyAlignment() throws {
        for shift in 0..<4 {
            var record = ByteBuffer(repeating: 0xAA, count: shift)
            record.writeBytes(Self.encoded(Self.call))
            record.moveReaderIndex(forwardBy: shift)
            #expect(try RPCCall(consuming: &record) == Self.call)
        }
    }

    @Test func neverAnswersATruncatedHeader() {
        let bytes = Self.encoded(Self.call)
        for count in 0..<bytes.count {
            #expect(throws: RPCRejection.truncated) { try Self.decode(Array(bytes.prefix(count))) }
        }
    }

    @Test func leavesTheRecordOnRejection() {
        var record = ByteBuffer(bytes: Self.words(rpcVersion: 3))
        let count = record.readableBytes
        #expect(throws: RPCRejection.self) { try RPCCall(consuming: &record) }
        #expect(record.readableBytes == count)
    }

    @Test func refusesOtherVersionsOfRPC() {
        #expect(throws: RPCRejection.reply(xid: 7, .rpcMismatch(low: 2, high: 2))) {
            try Self.decode(Self.words(rpcVersion: 3))
        }
    }

    @Test(arguments: [1, 2, 0xFFFF_FFFF] as [UInt32])
    func neverAnswersAReply(type: UInt32) {
        #expect(throws: RPCRejection.notACall) { try Self.decode(Self.words(type: type)) }
    }

    /// AUTH_SHORT, AUTH_DH, RPCSEC_GSS, AUTH_TLS and one that nobody knows.
    @Test(arguments: [2, 3, 6, 7, 0x1234_5678] as [UInt32])
    func refusesOtherFlavors(flavor: UInt32) {
        #expect(throws: RPCRejection.reply(xid: 7, .authError(.rejectedCredential))) {
            try Self.decode(Self.words(flavor: flavor, credential: [1, 2, 3, 4]))
        }
    }

    @Test(arguments: [401, 0x7FFF_FFFF, 0xFFFF_FFFF] as [UInt32])
    func refusesACredentialAbove400Bytes(length: UInt32) {
        #expect(throws: RPCRejection.reply(xid: 7, .authError(.badCredential))) {
            try Self.decode(Self.words(flavor: 1, credentialLength: length))
        }
    }

    @Test(arguments: [401, 0xFFFF_FFFF] as [UInt32])
    func refusesAVerifierAbove400Bytes(length: UInt32) {
        #expect(throws: RPCRejection.reply(xid: 7, .authError(.badVerifier))) {
            try Self.decode(Self.words(verifierLength: length))
        }
    }

    @Test(
        arguments: [
            [],  // no parameters
            [0, 0, 0, 0],  // no count of groups
            [0, 256, 0, 0, 0],  // a name above 255 bytes
            [0, 0x7FFF_FFFF, 0, 0, 0],
            [0, 0, 0, 0, 17] + [UInt32](repeating: 1, count: 17),  // 17 groups
            [0, 0, 0, 0, 2, 1],  // a group that lies beyond the credential
            [0, 40, 0, 0, 0],  // a name that does
            [0, 0, 0, 0, 0xFFFF_FFFF],
        ] as [[UInt32]]
    )
    func refusesParametersThatDoNotFitTheirCredential(credential: [UInt32]) {
        #expect(throws: RPCRejection.reply(xid: 7, .authError(.badCredential))) {
            try Self.decode(Self.words(flavor: 1, credential: credential))
        }
    }

    @Test func acceptsBytesInsideAnEmptyCredential() throws {
        #expect(try Self.decode(Self.words(credential: [1, 2])).credential == .none)
    }

    @Test func acceptsAVerifier() throws {
        let bytes = Self.words(verifierLength: 6) + [1, 2, 3, 4, 5, 6, 0, 0, 42]
        var record = ByteBuffer(bytes: bytes)
        _ = try RPCCall(consuming: &record)
        #expect(Array(record.readableBytesView) == [42])
    }

    @Test func agreesWithLibtirpcOnAnyBytes() {
        let samples = [Self.encoded(Self.call), Self.words(credential: [1, 2])]
        var mutator = Mutator(seed: 2)
        for round in 0..<100_000 {
            let bytes = mutator.mutate(samples[round % samples.count])
            let isAccepted = (try? Self.decode(bytes)) != nil
            guard isAccepted else { continue }
            #expect(Self.oracleAccepts(bytes), "\(bytes)")
        }
    }

    static func oracleAccepts(_ bytes: [UInt8]) -> Bool {
        var bodies = [CChar](repeating: 0, count: 800)
        return bodies.withUnsafeMutableBufferPointer { bodies in
            Oracle.decode(bytes) { xdr in
                var message = rpc_msg()
                message.ru.RM_cmb.cb_cred.oa_base = bodies.baseAddress
                message.ru.RM_cmb.cb_verf.oa_base = bodies.baseAddress.map { $0 + 400 }
                return xdr_callmsg(&xdr, &message) != 0
            }
        }
    }
}
