import BitTorrentProtocol
import Logging
import TorrentLogic

// The places on the web where a magnet link says that its `.torrent` file is.
extension MagnetFetch {
    /// Asks the place whose turn it is, while peers are asked as well.
    func askSources(now: MetadataSwarm.Instant) {
        guard !isStopped, let url = sources.takeDue(now: now) else { return }
        Task { await ask(url) }
    }

    private func ask(_ url: String) async {
        let place: Logger.Metadata = ["source": "\(Announcing.name(of: url))"]
        let metainfo: Metainfo
        do {
            metainfo = try await resources.metainfoClient.metainfo(
                from: url,
                timeout: resources.configuration.announceTimeout
            )
        } catch {
            guard !isStopped else { return }
            logger.info("the link's torrent file is not to be had: \(error)", metadata: place)
            return turn { now in
                if error is MetainfoError {
                    sources.refuted(url, now: now)
                } else {
                    sources.failed(url, now: now)
                }
            }
        }
        guard !isStopped else { return }
        guard isOurs(metainfo) else {
            logger.warning("the link's torrent file is that of another torrent", metadata: place)
            return turn { now in sources.refuted(url, now: now) }
        }
        take(metainfo)
    }

    /// Both hashes of the link, as far as it has them, are those of the file.
    private func isOurs(_ metainfo: Metainfo) -> Bool {
        let theirs = metainfo.swarmHashes.version1
        return swarmHashes.version1.map { $0 == theirs } ?? true
            && version2Hash.map { $0 == metainfo.version2Hash } ?? true
    }

    /// The file says more than the info dictionary that peers send; the link adds its own hints.
    private func take(_ file: Metainfo) {
        let known = Set(file.trackerTiers.joined())
        let tiers =
            file.trackerTiers
            + (file.info.isPrivate ? [] : trackerTiers.filter { !known.isSuperset(of: $0) })
        let seeds = file.webSeeds + webSeeds.filter { !file.webSeeds.contains($0) }
        finish(
            with: Metainfo(
                infoHash: file.infoHash,
                version2Hash: file.version2Hash,
                info: file.info,
                infoBytes: file.infoBytes,
                trackerTiers: tiers,
                webSeeds: Array(seeds.prefix(MetainfoLimits().webSeedCount)),
                creationDate: file.creationDate,
                pieceLayers: file.pieceLayers
            )
        )
    }
}
