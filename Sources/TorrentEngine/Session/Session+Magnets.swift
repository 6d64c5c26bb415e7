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
        let infoHash = magnet.primaryHash
        for name in magnet.swarmHashes.all {
            if let torrent = torrent(name) { return torrent }
            guard fetch(of: name) == nil else { return nil }
        }
        let store = store
        let record = try await resources.pool.run {
            try store.register(magnet, infoHash: infoHash, addedTime: addedTime)
        }
        try await fetch(record)
        return torrent(infoHash)
    }

    func takeUpMagnets() async throws {
        let store = store
        for record in try await resources.pool.run({ try store.magnets() }) {
            try await fetch(record)
        }
    }

    func removeMagnet(_ infoHash: InfoHash) async throws {
        guard let fetch = forgetFetch(of: infoHash) else { return }
        await fetch.stop()
        let store = store
        try await resources.pool.run { try store.removeMagnet(infoHash) }
    }

    private func fetch(_ record: StateStore.MagnetRecord) async throws {
        let fetch = MagnetFetch(
            record.magnet,
            infoHash: record.infoHash,
            resources: resources,
            loop: group.next()
        ) { [weak self] metainfo, peers in
            await self?.arrived(metainfo, of: record, from: peers)
        }
        guard try begin(fetch) else { return }
        await fetch.start(with: record.magnet.peers.filter(resources.addresses.allows))
        // A question to a name server would go around a proxy.
        let asks = resources.configuration.routes.route(of: .nameLookups) == .direct
        guard asks, !record.magnet.namedPeers.isEmpty else { return }
        Task { await findPeers(of: record, for: fetch) }
    }

    /// Names of peers that are looked up for one link.
    private static let maximumNameCount = 16

    /// Looks up the peers that the link gives by name, one after the other.
    ///
    /// A name that stands for an address that may not be dialled is refused.
    private func findPeers(of record: StateStore.MagnetRecord, for fetch: MagnetFetch) async {
        for peer in record.magnet.namedPeers.prefix(Self.maximumNameCount) {
            do {
                let addresses = try await HostResolver.addresses(
                    of: peer.hostName,
                    port: peer.port,
                    allowedBy: resources.addresses,
                    on: fetch.loop,
                    within: resources.configuration.announceTimeout
                )
                await fetch.found(addresses)
            } catch {
                resources.logger.info(
                    "a peer of the magnet link is not found: \(error)",
                    metadata: ["torrent": "\(record.infoHash)", "peer": "\(peer.hostName)"]
                )
            }
        }
    }

    /// The metadata is here: it is made durable first, then the torrent is an ordinary one.
    private func arrived(
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
            torrent.found(peers)
            logger.notice(
                "the metadata has come",
                metadata: [
                    "bytes": "\(metainfo.infoBytes.count)", "files": "\(metainfo.info.files.count)",
                ]
            )
            arrivals.yield()
        } catch SessionError.stopped {
            // What was registered is taken up by the next session.
        } catch {
            logger.error("the metadata has come, but the torrent cannot be taken up: \(error)")
        }
        // No farewell: the torrent announces itself to the same trackers.
        _ = forgetFetch(of: magnet.infoHash)
    }
}
