package import BitTorrentProtocol
import PieceStorage
package import StateStore
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
        resources.space.setGroups(groups.mapValues { CacheBudget.Group($0) })
        defer { resources.space.pinsAreKnown() }
        var seeds: [RegisteredTorrent] = []
        for infoHash in Set(before.keys).union(wishes.keys) {
            let new = wishes[infoHash, default: []]
            // One that a magnet link has just become was wished before it was there.
            guard let torrent = torrent(infoHash) else { continue }
            let pinned: PinnedFiles =
                new.contains(.pin) ? selections[infoHash].map { PinnedFiles($0) } ?? .all : .nothing
            if torrent.changePins({ $0.byRoute = pinned }) { pinsChanged(torrent) }
            guard torrent.traits.contains(.seeds) != new.contains(.seed) else { continue }
            torrent.set(.seeds, new.contains(.seed))
            if new.contains(.seed) { seeds.append(torrent) }
        }
        // One after the other: thousands of them must not stand in anybody's way.
        Task { for torrent in seeds { _ = await torrent.warmed() } }
    }

    /// Wants files of a torrent for ever, beside what is pinned already, whatever the routes wish: they
    /// are fetched in the background and kept.
    ///
    /// Those of a torrent whose metadata has not come are pinned as soon as it has.
    package func pin(_ infoHash: InfoHash, _ files: PinnedFiles = .all) async throws {
        try await changePins(of: infoHash) { $0.union(files) }
    }

    /// Ends for these files what `pin` began.
    package func unpin(_ infoHash: InfoHash, _ files: PinnedFiles = .all) async throws {
        // Which others there are matters only if some are left.
        let fileCount = files.part == nil ? 0 : try await fileCount(of: infoHash)
        try await changePins(of: infoHash) { $0.subtracting(files, fileCount: fileCount) }
    }

    /// - Returns: 0 if the metadata has not come.
    private func fileCount(of infoHash: InfoHash) async throws -> Int {
        let store = store
        return try await resources.pool.run {
            try store.torrent(infoHash).map { try Metainfo($0).info.files.count } ?? 0
        }
    }

    private func changePins(
        of infoHash: InfoHash,
        _ change: @escaping @Sendable (PinnedFiles) -> PinnedFiles
    ) async throws {
        let store = store
        let pinned = try await resources.pool.run {
            try store.changePins(of: infoHash, change)
        }
        guard let torrent = torrent(infoHash) else { return }
        if torrent.changePins({ $0.byUser = pinned }) { pinsChanged(torrent) }
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
