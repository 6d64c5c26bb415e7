package import NIOCore

/// What a proxy speaks.
package enum ProxyProtocol: String, CaseIterable, Sendable {
    case socks5
    /// `CONNECT`.
    case http
}

/// Our side of the beginning of a connection through a proxy.
package enum ProxyHandshake: Sendable {
    case socks5(SOCKS5Handshake)
    case http(HTTPConnectHandshake)

    package init(
        _ language: ProxyProtocol,
        to destination: ProxyDestination,
        credentials: ProxyCredentials?
    ) {
        self =
            switch language {
            case .socks5: .socks5(SOCKS5Handshake(to: destination, credentials: credentials))
            case .http: .http(HTTPConnectHandshake(to: destination, credentials: credentials))
            }
    }

    /// What is sent first.
    package var greeting: [UInt8] {
        switch self {
        case .socks5(let handshake): handshake.greeting
        case .http(let handshake): handshake.greeting
        }
    }

    /// From here on the bytes are those of the destination.
    package var isComplete: Bool {
        switch self {
        case .socks5(let handshake): handshake.isComplete
        case .http(let handshake): handshake.isComplete
        }
    }

    /// Takes what has arrived as far as it is complete; the rest is left.
    ///
    /// - Returns: what is to be sent now, empty for nothing.
    package mutating func received(_ bytes: inout ByteBuffer) throws(ProxyError) -> [UInt8] {
        switch self {
        case .socks5(var handshake):
            defer { self = .socks5(handshake) }
            return try handshake.received(&bytes)
        case .http(var handshake):
            defer { self = .http(handshake) }
            return try handshake.received(&bytes)
        }
    }
}
