import BitTorrentProtocol
import TorrentLogic

/// What a tracker said of the swarms of one torrent.
struct SwarmAnnounceOutcome: Sendable {
    /// What the tracker wants and, of the first swarm that it knows, the peers.
    let response: Result<AnnounceResponse, any Error>
    /// Of a hybrid torrent the peers of v2.
    let version2Peers: [PeerAddress]
}

extension SessionResources {
    /// Announces a torrent under each of its hashes: a hybrid torrent has two swarms (BEP 52).
    ///
    /// It has failed only if no hash was taken.
    func announce(
        to tracker: String,
        _ hashes: SwarmHashes,
        _ event: AnnounceSchedule.Event,
        _ standing: Announcing.Standing,
        trackerID: [UInt8]?,
        timeout: Duration
    ) async -> SwarmAnnounceOutcome {
        let requests = hashes.all.map { hash in
            AnnounceRequest(
                infoHash: hash,
                peerID: ownID,
                port: listenPort.announced,
                uploaded: standing.uploaded,
                downloaded: standing.downloaded,
                left: standing.left,
                event: AnnounceRequest.Event(event),
                wantedPeerCount: event == .stopped ? 0 : configuration.wantedPeerCount,
                key: announceKey,
                trackerID: trackerID
            )
        }
        let results = await withTaskGroup { group in
            for (position, request) in requests.enumerated() {
                group.addTask { (position, await self.result(of: request, tracker, timeout)) }
            }
            return await group.reduce(into: [Int: Result<AnnounceResponse, any Error>]()) {
                $0[$1.0] = $1.1
            }
        }
        let ordered = results.sorted { $0.key < $1.key }.map(\.value)
        let succeeded = ordered.first { (try? $0.get()) != nil }
        let second = ordered.count > 1 ? try? ordered[1].get() : nil
        return SwarmAnnounceOutcome(
            response: succeeded ?? ordered[0],
            version2Peers: second?.peers ?? []
        )
    }

    private func result(
        of request: AnnounceRequest,
        _ tracker: String,
        _ timeout: Duration
    ) async -> Result<AnnounceResponse, any Error> {
        do {
            return .success(
                try await self.tracker.announce(to: tracker, request, timeout: timeout)
            )
        } catch {
            return .failure(error)
        }
    }
}
