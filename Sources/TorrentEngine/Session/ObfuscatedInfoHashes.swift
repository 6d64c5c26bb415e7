import BitTorrentProtocol
import Synchronization

/// Finds the torrent that an encrypted handshake names, at the cost of one look-up however many
/// torrents there are.
///
/// The names are hashes; they are made when the first such handshake comes.
final class ObfuscatedInfoHashes: Sendable {
    private struct State {
        var infoHashes: [ObfuscatedInfoHash: InfoHash] = [:]
        /// Not named yet.
        var unnamed: [InfoHash] = []
    }

    private let state = Mutex(State())

    func insert(_ infoHash: InfoHash) {
        state.withLock { $0.unnamed.append(infoHash) }
    }

    func remove(_ infoHash: InfoHash) {
        let name = ObfuscatedInfoHash(infoHash)
        state.withLock { state in
            Self.nameAll(&state)
            state.infoHashes[name] = nil
        }
    }

    func infoHash(of name: ObfuscatedInfoHash) -> InfoHash? {
        state.withLock { state in
            Self.nameAll(&state)
            return state.infoHashes[name]
        }
    }

    private static func nameAll(_ state: inout State) {
        for infoHash in state.unnamed {
            state.infoHashes[ObfuscatedInfoHash(infoHash)] = infoHash
        }
        state.unnamed = []
    }
}
