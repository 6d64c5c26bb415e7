import CTirpcSystem
import NIOCore
import ONCRPC
import TestSupport
import Testing

@Suite struct PortmapTests {
    private static let mapping = PortMapping(
        program: 100_003,
        version: 3,
        protocolNumber: 6,
        port: 2049
    )
    private static let binding = RPCBinding(
        program: 100_005,
        version: 1,
        netid: "tcp6",
        address: "::.8.1",
        owner: "root"
    )
    private static let remote = RemoteCall(
        program: 100_005,
        version: 3,
        procedure: 0,
        arguments: [1, 2, 3]
    )

    private static func bytes(_ value: some XDREncodable) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.writeXDR(value)
        return Array(buffer.readableBytesView)
    }

    private static func check<T: XDRCodable & Equatable>(_ value: T) throws {
        let encoded = bytes(value)
        #expect(try ByteBuffer(bytes: encoded).decodeArguments(T.self) == value)
        for count in encoded.indices {
            #expect(throws: XDRError.self) {
                try ByteBuffer(bytes: encoded.prefix(count)).decodeArguments(T.self)
            }
        }
        var mutator = Mutator(seed: UInt64(encoded.count))
        for _ in 0..<5_000 {
            let damaged = ByteBuffer(bytes: mutator.mutate(encoded))
            guard let read = try? damaged.decodeArguments(T.self) else { continue }
            // Text that is no UTF-8 is read as replacement characters.
            #expect(try ByteBuffer(bytes: bytes(read)).decodeArguments(T.self) == read)
        }
    }

    @Test func readsWhatItWritesAndNothingLess() throws {
        try Self.check(Self.mapping)
        try Self.check(PortMappingList(mappings: [Self.mapping, Self.mapping]))
        try Self.check(Self.binding)
        try Self.check(RPCBindingList(bindings: [Self.binding]))
        try Self.check(Self.remote)
        try Self.check(RemoteCallResult(port: 2049, results: [7]))
        try Self.check(BroadcastResult(address: "10.0.0.1.8.1", results: [7]))
        try Self.check(XDRString("10.0.0.1.8.1"))
    }

    @Test func agreesWithLibtirpcOnVersion2() {
        var theirs = pmap(pm_prog: 100_003, pm_vers: 3, pm_prot: 6, pm_port: 2049)
        #expect(Self.bytes(Self.mapping) == Oracle.encode { xdr_pmap(&$0, &theirs) != 0 })
    }

    @Test func agreesWithLibtirpcOnVersion3() {
        let encoded = "tcp6".withCString { netid in
            "::.8.1".withCString { address in
                "root".withCString { owner in
                    var theirs = rpcb(
                        r_prog: 100_005,
                        r_vers: 1,
                        r_netid: UnsafeMutablePointer(mutating: netid),
                        r_addr: UnsafeMutablePointer(mutating: address),
                        r_owner: UnsafeMutablePointer(mutating: owner)
                    )
                    return Oracle.encode { xdr_rpcb(&$0, &theirs) != 0 }
                }
            }
        }
        #expect(Self.bytes(Self.binding) == encoded)
    }

    @Test func writesUniversalAddresses() {
        #expect(RPCBinding.universalAddress(host: "10.0.0.1", port: 2049) == "10.0.0.1.8.1")
        #expect(RPCBinding.universalAddress(host: "::", port: 111) == "::.0.111")
    }
}
