package import NIOCore

/// What stands before the payload of a datagram that a SOCKS5 proxy relays (RFC 1928, section 7).
package enum SOCKS5Datagram {
    /// Says where the proxy is to send the payload that follows.
    package static func header(to destination: ProxyDestination) -> [UInt8] {
        [0, 0, 0] + destination.socks5Address
    }

    /// Takes the header from a datagram and leaves the payload.
    ///
    /// - Returns: where the payload comes from; `nil` for what is no such datagram, or a fragment of
    ///   one.
    package static func source(consuming bytes: inout ByteBuffer) -> PeerAddress? {
        guard let head = bytes.readBytes(length: 4), head[2] == 0 else { return nil }
        let byteCount: Int
        switch head[3] {
        case 1: byteCount = 4
        case 4: byteCount = 16
        default: return nil
        }
        guard let host = bytes.readBytes(length: byteCount),
            let port = bytes.readInteger(as: UInt16.self)
        else { return nil }
        return PeerAddress(host: host, port: port)
    }
}

extension ProxyDestination {
    /// The kind of address, the address and the port (RFC 1928, section 5).
    var socks5Address: [UInt8] {
        let host: [UInt8] =
            switch host {
            case .name(let name): [3, UInt8(name.utf8.count)] + name.utf8
            case .address(let bytes): [bytes.count == 4 ? 1 : 4] + bytes
            }
        return host + [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
    }
}
