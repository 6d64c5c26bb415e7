import BitTorrentProtocol

extension PeerAddress {
    private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

    /// An IPv4 address written as IPv6 (`::ffff:a.b.c.d`) is the same peer as the plain one.
    var unmappedHost: [UInt8] {
        host.count == 16 && host.starts(with: Self.mappedPrefix) ? Array(host.suffix(4)) : host
    }

    var unmapped: PeerAddress {
        guard host.count == 16 else { return self }
        return PeerAddress(host: unmappedHost, port: port) ?? self
    }

    /// Loopback, link-local, private (RFC 1918), shared (RFC 6598) or unique local (RFC 4193).
    var isLocal: Bool {
        let host = unmappedHost
        guard host.count == 4 else {
            return host == [UInt8](repeating: 0, count: 15) + [1]
                || host[0] & 0xfe == 0xfc || (host[0] == 0xfe && host[1] & 0xc0 == 0x80)
        }
        return switch (host[0], host[1]) {
        case (127, _), (10, _), (192, 168), (169, 254): true
        case (172, 16...31), (100, 64...127): true
        default: false
        }
    }

    /// Something a peer can listen at: no multicast, broadcast or unspecified host.
    var isDiallable: Bool {
        let host = unmappedHost
        guard host.count == 4 else { return host[0] != 0xff && host.contains { $0 != 0 } }
        return host[0] != 0 && host[0] < 224
    }
}
