import BitTorrentProtocol
import Synchronization

/// Peers of a hybrid torrent that were found in its swarm of v2, and are asked for it by that hash
/// (BEP 52): they may know no other.
final class Version2Peers: Sendable {
    private static let maximumAddressCount = 1000

    private let addresses = Mutex<Set<PeerAddress>>([])

    func insert(_ found: [PeerAddress]) {
        addresses.withLock { addresses in
            for address in found {
                if addresses.count >= Self.maximumAddressCount { addresses.removeAll() }
                addresses.insert(address)
            }
        }
    }

    func contains(_ address: PeerAddress) -> Bool { addresses.withLock { $0.contains(address) } }
}
