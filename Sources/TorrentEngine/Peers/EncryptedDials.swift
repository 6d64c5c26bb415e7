import BitTorrentProtocol
import Synchronization

/// Whether the next connection to a peer begins with an encrypted handshake.
final class EncryptedDials: Sendable {
    private static let maximumAddressCount = 1000

    private let policy: EncryptionPolicy
    /// Peers that did not answer a plain handshake.
    private let addresses = Mutex<Set<PeerAddress>>([])

    init(policy: EncryptionPolicy) { self.policy = policy }

    func encrypts(_ address: PeerAddress) -> Bool {
        switch policy {
        case .prefer: addresses.withLock { $0.contains(address) }
        case .require: true
        case .disable: false
        }
    }

    /// A peer that we dialled hung up, or was silent for too long, before a byte of its handshake.
    ///
    /// It may require encryption. An address where that fails too counts as one that cannot be
    /// reached, and is dialled without encryption the next time.
    ///
    /// - Returns: whether to dial it again at once, encrypted.
    func retries(_ address: PeerAddress) -> Bool {
        guard policy == .prefer else { return false }
        return addresses.withLock { addresses in
            guard addresses.remove(address) == nil else { return false }
            if addresses.count >= Self.maximumAddressCount { addresses.removeAll() }
            addresses.insert(address)
            return true
        }
    }
}
