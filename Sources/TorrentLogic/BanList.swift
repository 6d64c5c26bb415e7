package import BitTorrentProtocol

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
