package import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

extension Session {
    /// Registers a magnet link and begins to look for its metadata; once that is here the torrent is
    /// among the `torrents`, and `metadataArrivals` yields.
    ///
    /// One whose torrent or link is there already is left as it is.
    ///
    /// - Parameter addedTime: seconds since 1970; only the first one counts, for ever.
    /// - Returns: the torrent, or `nil` while its metadata is not here.
    @discardableResult
    package func add(_ magnet: MagnetLink, addedTime: Int64) async throws -> RegisteredTorrent? {
        try await add([magnet], addedTime: addedTime)
        for name in magnet.swarmHashes.all {
            if let torrent = torrent(name) { return torrent }
        }
        return nil
    }

    /// Registers magnet links, all in one step; a few are looked for at a time.
    package func add(_ magnets: [MagnetLink], addedTime: Int64) async throws {
        var new: [InfoHash: MagnetLink] = [:]
        for magnet in magnets {
            let isKnown = magnet.swarmHashes.all.contains { name in
                torrent(name) != nil || searches.contains(name)
            }
            if !isKnown { new[magnet.primaryHash] = magnet }
        }
        guard !new.isEmpty else { return }
        guard !isStopped else { throw SessionError.stopped }
        let (store, wanted) = (store, new)
        try await resources.pool.run { try store.register(wanted, addedTime: addedTime) }
        searches.add(magnets.map(\.primaryHash).filter { wanted[$0] != nil })
    }

    func takeUpMagnets() async throws {
        let store = store
        searches.add(try await resources.pool.run { try store.magnetInfoHashes() })
    }

    func removeMagnet(_ infoHash: InfoHash) async throws {
        guard searches.contains(infoHash) else { return }
        await forgetFetch(of: infoHash)?.stop()
        let store = store
        try await resources.pool.run { try store.removeMagnet(infoHash) }
    }

    /// The torrents whose metadata has not come yet.
    package var pendingMagnets: [InfoHash] { searches.infoHashes }

    func fetch(of infoHash: InfoHash) -> MagnetFetch? { searches.fetch(of: infoHash) }

    /// - Returns: who looks for the metadata, and has to be stopped.
    func forgetFetch(of infoHash: InfoHash) -> MagnetFetch? { searches.remove(infoHash) }

    /// The metadata is here: it is made durable first, then the torrent is an ordinary one.
    func arrived(
        _ metainfo: Metainfo,
        of magnet: StateStore.MagnetRecord,
        from peers: [PeerAddress]
    ) async {
        var logger = resources.logger
        logger[metadataKey: "torrent"] = "\(metainfo.infoHash)"
        do {
            let store = store
            take(
                try await resources.pool.run {
                    try store.register([metainfo], addedTime: magnet.addedTime)
                }
            )
            guard let torrent = torrent(metainfo.infoHash) else { throw SessionError.stopped }
            // Its peers are connected: at work it takes them over.
            if let fetch = fetch(of: magnet.infoHash), await fetch.hasConnections,
                let warm = await torrent.warmed(on: fetch.loop)
            {
                await fetch.handOver(to: warm)
            }
            torrent.found(peers)
            logger.notice(
                "the metadata has come",
                metadata: [
                    "bytes": "\(metainfo.infoBytes.count)", "files": "\(metainfo.info.files.count)",
                ]
            )
            // No farewell: the torrent announces itself to the same trackers.
            await forgetFetch(of: magnet.infoHash)?.closeConnections()
            arrivals.yield()
        } catch SessionError.stopped {
            // What was registered is taken up by the next session.
        } catch {
            logger.error("the metadata has come, but the torrent cannot be taken up: \(error)")
            await forgetFetch(of: magnet.infoHash)?.closeConnections()
        }
    }
}
