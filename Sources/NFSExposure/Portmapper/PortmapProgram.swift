import NFSProtocol
import NIOCore
import ONCRPC

/// Program 100000, versions 2 to 4 (RFC 1833): at which port which program is.
///
/// It tells of our own programs alone, and takes registrations from nobody. A call that is to be
/// passed on is answered if it is the NULL procedure of one of them, as those send who look for
/// servers by broadcast; others are met by silence, which is also what RFC 1833 wants.
struct PortmapProgram: Sendable {
    /// What came with a call beside its bytes.
    struct Arrival: Sendable {
        let transport: RPCBind.Transport
        /// The address that was called, in numbers.
        let host: String
        /// Seconds since 1970.
        let time: UInt32
    }

    static let number: UInt32 = 100_000
    static let port: UInt16 = 111

    private let served: [ServedProgram]

    init(served: [ServedProgram]) {
        self.served = served
    }

    /// - Returns: the whole reply message, without a record mark; `nil` for silence.
    func answer(_ call: RPCCall, arguments: ByteBuffer, _ arrival: Arrival) -> ByteBuffer? {
        guard call.program == Self.number else { return call.refusal(.programUnavailable) }
        do throws(XDRError) {
            switch call.version {
            case 2: return try answer2(call, arguments, arrival)
            case 3, 4: return try answer3(call, arguments, arrival)
            default: return call.refusal(.programMismatch(low: 2, high: 4))
            }
        } catch {
            return call.refusal(.garbageArguments)
        }
    }

    // MARK: Version 2

    private func answer2(
        _ call: RPCCall,
        _ arguments: ByteBuffer,
        _ arrival: Arrival
    ) throws(XDRError) -> ByteBuffer? {
        switch PortmapProcedure(rawValue: call.procedure) {
        case nil: return call.refusal(.procedureUnavailable)
        case .null: return call.reply(XDRVoid())
        case .set, .unset:
            _ = try arguments.decodeArguments(PortMapping.self)
            return call.reply(0 as UInt32)
        case .getPort:
            let wanted = try arguments.decodeArguments(PortMapping.self)
            return call.reply(UInt32(port(of: wanted, for: arrival)))
        case .dump:
            // Version 2 knows IPv4 alone.
            let mappings = served.filter { !$0.transport.isIPv6 }.map {
                PortMapping(
                    program: $0.program,
                    version: $0.version,
                    protocolNumber: $0.transport.protocolNumber,
                    port: UInt32($0.port)
                )
            }
            return call.reply(PortMappingList(mappings: mappings))
        case .callIt:
            let remote = try arguments.decodeArguments(RemoteCall.self)
            guard let found = answersForNull(of: remote, for: arrival) else { return nil }
            return call.reply(RemoteCallResult(port: UInt32(found.port)))
        }
    }

    private func port(of wanted: PortMapping, for arrival: Arrival) -> UInt16 {
        let transports = RPCBind.Transport.allCases.filter {
            $0.protocolNumber == wanted.protocolNumber
        }
        // That of the family by which was asked is the one that will be used.
        let found =
            transports.filter { $0.isIPv6 == arrival.transport.isIPv6 }
            .compactMap { find(wanted.program, wanted.version, $0, isExact: false) }.first
        return found?.port ?? 0
    }

    // MARK: Versions 3 and 4

    private func answer3(
        _ call: RPCCall,
        _ arguments: ByteBuffer,
        _ arrival: Arrival
    ) throws(XDRError) -> ByteBuffer? {
        switch RPCBindProcedure(rawValue: call.procedure) {
        case nil: return call.refusal(.procedureUnavailable)
        case .getVersionAddress where call.version == 3:
            return call.refusal(.procedureUnavailable)
        case .null: return call.reply(XDRVoid())
        case .set, .unset:
            _ = try arguments.decodeArguments(RPCBinding.self)
            return call.reply(0 as UInt32)
        case .getAddress, .getVersionAddress:
            let wanted = try arguments.decodeArguments(RPCBinding.self)
            let found = find(
                wanted.program,
                wanted.version,
                RPCBind.Transport(rawValue: wanted.netid) ?? arrival.transport,
                isExact: call.procedure == RPCBindProcedure.getVersionAddress.rawValue
            )
            return call.reply(XDRString(found.map { address(of: $0, for: arrival) } ?? ""))
        case .dump:
            let bindings = served.map {
                RPCBinding(
                    program: $0.program,
                    version: $0.version,
                    netid: $0.transport.rawValue,
                    address: $0.universalAddress,
                    owner: "superuser"
                )
            }
            return call.reply(RPCBindingList(bindings: bindings))
        case .broadcast:
            let remote = try arguments.decodeArguments(RemoteCall.self)
            guard let found = answersForNull(of: remote, for: arrival) else { return nil }
            return call.reply(BroadcastResult(address: address(of: found, for: arrival)))
        case .getTime: return call.reply(arrival.time)
        }
    }

    /// Of a wildcard address, the one that was called: from there the caller gets on.
    private func address(of found: ServedProgram, for arrival: Arrival) -> String {
        let isWildcard = found.host == "0.0.0.0" || found.host == "::"
        let isReachable = found.transport.isIPv6 == arrival.transport.isIPv6
        return RPCBinding.universalAddress(
            host: isWildcard && isReachable ? arrival.host : found.host,
            port: found.port
        )
    }

    // MARK: What is served

    /// - Parameter isExact: otherwise another version will do, whose program then tells which
    ///   versions there are.
    private func find(
        _ program: UInt32,
        _ version: UInt32,
        _ transport: RPCBind.Transport,
        isExact: Bool
    ) -> ServedProgram? {
        let candidates = served.filter { $0.program == program && $0.transport == transport }
        return candidates.first { $0.version == version } ?? (isExact ? nil : candidates.first)
    }

    private func answersForNull(of remote: RemoteCall, for arrival: Arrival) -> ServedProgram? {
        // By TCP nobody looks for servers, and what is passed on hides who asks.
        guard arrival.transport.isUDP, remote.procedure == 0, remote.arguments.isEmpty,
            remote.program != Self.number
        else { return nil }
        return find(remote.program, remote.version, arrival.transport, isExact: true)
    }
}
