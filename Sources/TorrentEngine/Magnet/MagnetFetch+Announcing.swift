import BitTorrentProtocol
import Logging
import TorrentLogic

extension MagnetFetch {
    /// What is left of a torrent of unknown length; 0 would make us a seed.
    private static let assumedLeft: UInt64 = 16 << 10

    func announceAsNeeded(usablePeerCount: Int, _ now: MetadataSwarm.Instant) {
        guard announcing.hasTrackers, !isStopped else { return }
        announcing.schedule.update(
            hasDemand: true,
            usablePeerCount: usablePeerCount,
            now: now
        )
        let timeout = resources.configuration.announceTimeout
        for case .announce(let tracker, let event) in announcing.schedule.takeActions() {
            Task { await announce(to: tracker, event, timeout: timeout) }
        }
    }

    /// Tells the trackers that know of us that we are gone; returns when they answered or the
    /// farewell timeout is over.
    func sayFarewell() async {
        announcing.schedule.stop(now: .now)
        let timeout = resources.configuration.farewellTimeout
        await withTaskGroup { group in
            for case .announce(let tracker, let event) in announcing.schedule.takeActions() {
                group.addTask { await self.announce(to: tracker, event, timeout: timeout) }
            }
        }
    }

    private func announce(
        to tracker: String,
        _ event: AnnounceSchedule.Event,
        timeout: Duration
    ) async {
        let request = AnnounceRequest(
            infoHash: infoHash,
            peerID: resources.ownID,
            port: resources.listenPort.announced,
            uploaded: 0,
            downloaded: 0,
            left: Self.assumedLeft,
            event: AnnounceRequest.Event(event),
            wantedPeerCount: event == .stopped ? 0 : resources.configuration.wantedPeerCount,
            key: resources.announceKey,
            trackerID: announcing.trackerIDs[tracker]
        )
        do {
            let response = try await resources.tracker.announce(
                to: tracker,
                request,
                timeout: timeout
            )
            succeeded(tracker, response)
        } catch {
            failed(tracker, error)
        }
    }

    private func succeeded(_ tracker: String, _ response: AnnounceResponse) {
        guard !isStopped else { return }
        announcing.failing.remove(tracker)
        if let id = response.trackerID { announcing.trackerIDs[tracker] = id }
        turn { now in
            announcing.schedule.succeeded(
                tracker: tracker,
                interval: response.interval ?? .seconds(1800),
                minimumInterval: response.minimumInterval,
                now: now
            )
            foundByTracker(response.peers, now: now)
        }
    }

    private func failed(_ tracker: String, _ error: any Error) {
        guard !isStopped else { return }
        // The host alone: the path of an announce URL may hold a secret.
        let isNews = announcing.failing.insert(tracker).inserted
        logger.log(
            level: isNews ? .info : .debug,
            "a tracker of the magnet failed: \(error)",
            metadata: ["tracker": "\(Announcing.name(of: tracker))"]
        )
        var retry: Duration?
        if case AnnounceError.refused(_, .after(let wish)) = error { retry = wish }
        turn { now in
            announcing.schedule.failed(tracker: tracker, retryAfter: retry, now: now)
        }
    }
}
