package import BitTorrentProtocol
import Logging
import PieceStorage
import StateStore
import TorrentLogic

// The cache over the life of a session: what there is at its start, and that it ended well.
extension Session {
    /// Bytes that all torrents together have on the disk.
    package var cachedByteCount: UInt64 { resources.space.heldByteCount }

    /// Bytes that a torrent has on the disk.
    package func cachedByteCount(of infoHash: InfoHash) -> UInt64 {
        resources.space.heldByteCount(of: infoHash)
    }

    /// Finds out what is cached of the registered torrents, and whether to trust it.
    func beginCacheRun() async throws {
        if let fault = resources.cache.fault { resources.space.isFaulty(fault) }
        let (store, cache, space) = (store, resources.cache, resources.space)
        space.setOwners { [weak self] in self?.torrent($0) }
        try await resources.pool.run {
            space.run = try store.beginRun(boot: Self.boot)
            for (infoHash, use) in try store.cacheUses() {
                guard let held = cache.heldBytes(of: infoHash), held > 0 else { continue }
                space.setHeld(held, by: infoHash, oldest: use.lastRead)
            }
        }
        space.balance()
    }

    /// Nothing of a pinned torrent is evicted; of one that is pinned in part its pieces are kept by
    /// itself.
    func keepPinned(_ torrent: RegisteredTorrent) {
        let pinned = torrent.pinned
        if pinned.part == nil { resources.space.setPinnedPart(0, of: torrent.infoHash) }
        resources.space.setPinned(
            pinned == .all,
            torrent.infoHash,
            oldest: torrent.active?.published.oldestMoment ?? CacheSpace.moment
        )
    }

    /// After everything is recorded.
    func endCacheRun() async {
        resources.space.end()
        guard resources.space.run > 0 else { return }
        let (store, logger) = (store, resources.logger)
        try? await resources.pool.run {
            do {
                try store.endRun(boot: Self.boot)
            } catch {
                logger.error(
                    "the end is not recorded, so what is cached is checked again: \(error)"
                )
            }
        }
    }

    /// Another one after each start of the machine: what was not on its disk by then is lost.
    ///
    /// `nil` if it cannot be known, and then nothing that was cached before is trusted.
    static var boot: String? {
        procText("/proc/sys/kernel/random/boot_id")?.split(separator: "\n").first.map(String.init)
    }
}
