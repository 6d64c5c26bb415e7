package import BitTorrentProtocol
import PieceStorage
import StateStore

extension Session {
    /// Takes what the routes wish of their torrents, all of it; unknown torrents are passed over.
    package func setWishes(_ wishes: [InfoHash: TorrentWishes]) {
        let before = replaceWishes(with: wishes)
        guard before != wishes else { return }
        var seeds: [RegisteredTorrent] = []
        for infoHash in Set(before.keys).union(wishes.keys) {
            let (old, new) = (before[infoHash, default: []], wishes[infoHash, default: []])
            guard let torrent = torrent(infoHash), old != new else { continue }
            torrent.set(.seeds, new.contains(.seed))
            torrent.set(.isPinnedByRoute, new.contains(.pin))
            if new.contains(.seed) { seeds.append(torrent) }
            pinsChanged(torrent)
        }
        // One after the other: thousands of them must not stand in anybody's way.
        Task { for torrent in seeds { _ = await torrent.warmed() } }
    }

    /// Wants a torrent whole, for ever, whatever the routes wish: it is fetched in the background.
    ///
    /// A torrent whose metadata has not come is pinned as soon as it has.
    package func pin(_ infoHash: InfoHash) async throws { try await setPinned(infoHash, true) }

    /// Ends what `pin` began.
    package func unpin(_ infoHash: InfoHash) async throws { try await setPinned(infoHash, false) }

    private func setPinned(_ infoHash: InfoHash, _ isPinned: Bool) async throws {
        let store = store
        try await resources.pool.run { try store.setPinned(infoHash, isPinned) }
        guard let torrent = torrent(infoHash) else { return }
        torrent.set(.isPinned, isPinned)
        pinsChanged(torrent)
    }

    private func pinsChanged(_ torrent: RegisteredTorrent) {
        if torrent.isWanted {
            resources.pins.add([torrent])
        } else {
            resources.pins.remove(torrent.infoHash)
        }
    }
}

extension RegisteredTorrent {
    /// Pinned by the user or by a route, and not known to be whole.
    var isWanted: Bool {
        let traits = traits
        return !traits.isDisjoint(with: [.isPinned, .isPinnedByRoute])
            && !traits.contains(.isComplete)
    }
}
