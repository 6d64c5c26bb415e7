import BitTorrentProtocol
import Synchronization

/// Finds the torrent that an encrypted handshake names, at the cost of one look-up however many
/// torrents there are.
final class ObfuscatedInfoHashes: Sendable {
    private let infoHashes = Mutex<[ObfuscatedInfoHash: InfoHash]>([:])

    func insert(_ infoHash: InfoHash) {
        let name = ObfuscatedInfoHash(infoHash)
        infoHashes.withLock { $0[name] = infoHash }
    }

    func remove(_ infoHash: InfoHash) {
        let name = ObfuscatedInfoHash(infoHash)
        infoHashes.withLock { $0[name] = nil }
    }

    func infoHash(of name: ObfuscatedInfoHash) -> InfoHash? { infoHashes.withLock { $0[name] } }
}
