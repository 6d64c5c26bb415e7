import BitTorrentProtocol
import Logging

extension Torrent {
    private static let maximumEncryptedAddresses = 1000

    /// Whether the next connection to this address begins with an encrypted handshake.
    func dialsEncrypted(_ address: PeerAddress) -> Bool {
        switch resources.configuration.encryption {
        case .prefer: encryptedAddresses.contains(address)
        case .require: true
        case .disable: false
        }
    }

    /// A peer that we dialled hung up, or was silent for too long, before a byte of its handshake.
    ///
    /// It may require encryption, and is dialled with it at once; an address where that fails too
    /// counts as one that cannot be reached, and is dialled without encryption the next time.
    func dialUnanswered(_ address: PeerAddress) {
        guard !isStopped else { return }
        guard resources.configuration.encryption == .prefer,
            encryptedAddresses.remove(address) == nil
        else { return dialFailed(address) }
        if encryptedAddresses.count >= Self.maximumEncryptedAddresses {
            encryptedAddresses.removeAll()
        }
        encryptedAddresses.insert(address)
        logger.debug("dialling again, encrypted", metadata: ["peer": "\(address)"])
        dial(address)
    }
}
