import BitTorrentProtocol
import Synchronization

/// Where others reach us, as far as it is known: who is found there is ourselves.
final class OwnAddresses: Sendable {
    private let mapped = Mutex<[Bool: PeerAddress]>([:])

    /// - Parameter address: of TCP, as the gateway has mapped it; `nil` if nothing is mapped.
    func set(_ address: PeerAddress?, isIPv6: Bool) {
        mapped.withLock { $0[isIPv6] = address }
    }

    func contains(_ address: PeerAddress) -> Bool {
        mapped.withLock { $0[address.isIPv6] == address }
    }
}
