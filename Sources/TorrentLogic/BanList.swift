package import BitTorrentProtocol

/// Who a peer is, as far as we know.
package struct PeerIdentity: Equatable, Sendable {
    /// The remote end of the socket; where the peer listens only if we dialled it.
    package let address: PeerAddress
    package let isIncoming: Bool
    package let id: PeerID

    package init(address: PeerAddress, isIncoming: Bool, id: PeerID) {
        self.address = address
        self.isIncoming = isIncoming
        self.id = id
    }
}

/// The peers that sent wrong blocks.
///
/// A public host is banned whole. Behind a loopback or private address there may be many peers
/// (a test swarm, a home network), so there a ban names one: the address where it listens if we
/// dialled it, and its peer id, by which an incoming connection of the same peer is known. A host
/// whose incoming peers keep lying under ever new ids may not connect to us any more, whoever it
/// is; its other peers can still be dialled.
package struct BanList {
    private struct Named: Hashable {
        let host: [UInt8]
        let id: PeerID
    }

    private var hosts: Set<[UInt8]> = []
    private var addresses: Set<PeerAddress> = []
    private var ids: Set<Named> = []
    private var incomingStrikes: [[UInt8]: Int] = [:]

    private static let maximumIncomingStrikes = 3
    private static let maximumEntries = 4096

    package init() {}

    package mutating func ban(_ peer: PeerIdentity) {
        let host = peer.address.unmappedHost
        if hosts.count + addresses.count + ids.count >= Self.maximumEntries { self = BanList() }
        guard peer.address.isLocal else {
            hosts.insert(host)
            return
        }
        ids.insert(Named(host: host, id: peer.id))
        if peer.isIncoming {
            incomingStrikes[host, default: 0] += 1
        } else {
            addresses.insert(peer.address.unmapped)
        }
    }

    package func contains(_ peer: PeerIdentity) -> Bool {
        let host = peer.address.unmappedHost
        if hosts.contains(host) || ids.contains(Named(host: host, id: peer.id)) { return true }
        return peer.isIncoming
            ? incomingStrikes[host, default: 0] >= Self.maximumIncomingStrikes
            : addresses.contains(peer.address.unmapped)
    }

    /// Whether a peer listening there must not be dialled.
    package func contains(_ address: PeerAddress) -> Bool {
        hosts.contains(address.unmappedHost) || addresses.contains(address.unmapped)
    }
}

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
