import BitTorrentProtocol
import Logging
import TorrentLogic

extension Torrent {
    /// Tells the schedule how things stand and sends what is due.
    ///
    /// A torrent is in use while somebody reads it, or a peer is connected, or it is a seed.
    func announceAsNeeded(_ now: Swarm.Instant) {
        guard announcing.hasTrackers, !isStopped else { return }
        let hasDemand = swarm.hasDemand
        let isInUse = hasDemand || announcing.isSeed || (announcing.isInUse && swarm.peerCount > 0)
        if isInUse != announcing.isInUse {
            announcing.isInUse = isInUse
            if isInUse {
                announcing.schedule.start(now: now)
            } else {
                announcing.schedule.stop(now: now)
                announcing.told = nil
            }
        }
        let situation = Announcing.Situation(
            hasDemand: hasDemand,
            usablePeerCount: swarm.usablePeerCount
        )
        if isInUse, situation != announcing.told {
            announcing.told = situation
            announcing.schedule.update(
                hasDemand: hasDemand,
                usablePeerCount: situation.usablePeerCount,
                now: now
            )
        }
        let timeout = resources.configuration.announceTimeout
        for case .announce(let tracker, let event) in announcing.schedule.takeActions() {
            Task { await announce(to: tracker, event, timeout: timeout) }
        }
    }

    /// From now on the torrent is announced though nobody reads it.
    func beginSeeding() {
        guard !isStopped else { return }
        announcing.isSeed = true
        turn { _ in }
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
            uploaded: uploadedByteCount,
            downloaded: downloadedByteCount,
            left: info.geometry.totalLength - published.verifiedByteCount,
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
        if announcing.failing.remove(tracker) != nil {
            logger.notice(
                "the tracker answers again",
                metadata: ["tracker": "\(trackerName(tracker))"]
            )
        }
        if let id = response.trackerID { announcing.trackerIDs[tracker] = id }
        if let warning = response.warning {
            logger.warning(
                "the tracker warns: \(warning)",
                metadata: ["tracker": "\(trackerName(tracker))"]
            )
        }
        let peers = response.peers.filter(resources.addresses.allows)
        turn { now in
            announcing.schedule.succeeded(
                tracker: tracker,
                interval: response.interval ?? .seconds(1800),
                minimumInterval: response.minimumInterval,
                now: now
            )
            if !isStopped { swarm.found(peers, now: now) }
        }
    }

    private func failed(_ tracker: String, _ error: any Error) {
        let isNews = announcing.failing.insert(tracker).inserted && !isStopped
        logger.log(
            level: isNews ? .warning : .debug,
            "the tracker failed: \(error)",
            metadata: ["tracker": "\(trackerName(tracker))"]
        )
        var retry: Duration?
        if case AnnounceError.refused(_, .after(let wish)) = error { retry = wish }
        turn { now in
            announcing.schedule.failed(tracker: tracker, retryAfter: retry, now: now)
        }
    }

    /// Scheme, host and port: the path of an announce URL may hold a secret.
    private func trackerName(_ tracker: String) -> String {
        Announcing.name(of: tracker)
    }
}

extension AnnounceRequest.Event {
    /// `nil` for a regular announce, which has no event.
    init?(_ event: AnnounceSchedule.Event) {
        switch event {
        case .update: return nil
        case .started: self = .started
        case .completed: self = .completed
        case .stopped: self = .stopped
        }
    }
}
