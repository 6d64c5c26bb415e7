import ONCRPC
import Testing

@Suite struct RPCBindTests {
    /// Of the numbers that RFC 5531 section 8.3.3 leaves to users.
    @Test(arguments: RPCBind.Transport.allCases)
    func answersWithAndWithoutRPCBind(transport: RPCBind.Transport) {
        let mapping = RPCBind.Mapping(program: 0x2000_0451, version: 1, transport: transport)
        switch RPCBind.register(mapping, port: 40_451) {
        case .done:
            #expect(RPCBind.register(mapping, port: 40_452) == .done)
            let own = RPCBind.Registration(mapping: mapping, port: 40_452)
            #expect(RPCBind.registrations()?.contains(own) == true)
            #expect(RPCBind.unregister(mapping) == .done)
            #expect(RPCBind.registrations()?.contains(own) != true)
            #expect(RPCBind.unregister(mapping) == .done)
        case .absent:
            #expect(RPCBind.unregister(mapping) == .absent)
        case .refused, .noTransport:
            break
        }
    }
}
