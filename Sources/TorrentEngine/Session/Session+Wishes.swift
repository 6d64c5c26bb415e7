package import BitTorrentProtocol
import PieceStorage
import StateStore
import TorrentLogic

extension Session {
    /// Takes what the routes wish of their torrents, all of it; unknown torrents are passed over.
    ///
    /// - Parameters:
    ///   - selections: of the torrents that are pinned and of which not every file is to be
    ///   fetched and kept, the numbers of those that are (BEP 53).
    ///   - groups: whose quota of the cache each torrent shares (`SessionSettings.cacheQuotas`).
    package func setWishes(
        _ wishes: [InfoHash: TorrentWishes],
        selections: [InfoHash: [ClosedRange<Int>]] = [:],
        groups: [InfoHash: String] = [:]
    ) {
        let before = replaceWishes(with: wishes)
        for torrent in torrents where torrent.select(selections[torrent.infoHash]) {
            // What was fetched may be less than what is wanted now.
            pinsChanged(torrent)
        }
        resources.space.setGroups(groups.mapValues { CacheBudget.Group($0) })
        defer { resources.space.pinsAreKnown() }
        var seeds: [RegisteredTorrent] = []
        for infoHash in Set(before.keys).union(wishes.keys) {
            let new = wishes[infoHash, default: []]
            // One that a magnet link has just become was wished before it was there.
            guard let torrent = torrent(infoHash), torrent.routeWishes != new else { continue }
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

    func pinsChanged(_ torrent: RegisteredTorrent) {
        keepPinned(torrent)
        if torrent.isWanted {
            resources.pins.add([torrent])
        } else {
            resources.pins.remove(torrent.infoHash)
        }
    }
}

extension RegisteredTorrent {
    /// What of the routes' wishes it knows.
    fileprivate var routeWishes: TorrentWishes {
        let traits = traits
        var wishes: TorrentWishes = []
        if traits.contains(.seeds) { wishes.insert(.seed) }
        if traits.contains(.isPinnedByRoute) { wishes.insert(.pin) }
        return wishes
    }

    /// By the user or by a route.
    var isPinned: Bool { !traits.isDisjoint(with: [.isPinned, .isPinnedByRoute]) }

    /// Pinned by the user or by a route, and not known to be whole.
    var isWanted: Bool {
        isPinned && !traits.contains(.isComplete)
    }
}
