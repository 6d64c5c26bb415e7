import NFSProtocol
import NIOCore
import ONCRPC

/// One version of a program, by one transport, at one port: what rpcbind or the portmapper of our
/// own tells clients.
struct ServedProgram: Hashable, Sendable {
    let program: UInt32
    let version: UInt32
    let transport: RPCBind.Transport
    /// The address listened at, in numbers; a wildcard address for all of a family.
    let host: String
    let port: UInt16

    /// What the server serves at an address it listens at by TCP.
    static func all(at address: SocketAddress, withUDP servesUDP: Bool) -> [Self] {
        guard let port = address.port.flatMap(UInt16.init(exactly:)), let host = address.ipAddress
        else { return [] }
        let isIPv6 = address.protocol == .inet6
        var served = [(ProgramNumber.nfs, 3 as UInt32, RPCBind.Transport.tcp)]
        for (program, version) in [
            (ProgramNumber.mount, 3 as UInt32), (ProgramNumber.mount, 1),
            (ProgramNumber.nlm, NLMProgram.version),
        ] {
            served.append((program, version, .tcp))
            if servesUDP { served.append((program, version, .udp)) }
        }
        return served.map { program, version, transport in
            Self(
                program: program,
                version: version,
                transport: isIPv6 ? transport.overIPv6 : transport,
                host: host,
                port: port
            )
        }
    }

    var universalAddress: String { RPCBinding.universalAddress(host: host, port: port) }
}

extension RPCBind.Transport {
    var overIPv6: Self {
        switch self {
        case .tcp, .tcp6: .tcp6
        case .udp, .udp6: .udp6
        }
    }

    var isIPv6: Bool { self == .tcp6 || self == .udp6 }

    var isUDP: Bool { self == .udp || self == .udp6 }

    /// The number by which version 2 of the portmapper knows it.
    var protocolNumber: UInt32 { isUDP ? 17 : 6 }
}
