import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

/// Who announces itself to trackers as its `AnnounceSchedule` says: a torrent, or what looks for the
/// metadata of one.
protocol Announcer: Actor {
    nonisolated var swarmHashes: SwarmHashes { get }
    nonisolated var version2Peers: Version2Peers { get }
    nonisolated var resources: SessionResources { get }
    nonisolated var logger: Logger { get }
    nonisolated var loop: any EventLoop { get }
    var announcing: Announcing { get set }
    /// Answers are of no account any more.
    var isStopped: Bool { get }
    /// What trackers are told of us.
    var standing: Announcing.Standing { get }

    /// Takes an event and does all that follows from it, announces included.
    func turn(_ event: (AnnounceSchedule.Instant) -> Void)

    /// A tracker has said where it sees us (BEP 24): 4 or 16 bytes; called within a turn.
    func heardOwnHost(_ host: [UInt8], fromTracker tracker: String)

    /// Takes addresses that a tracker gave and that may be dialled; called within a turn.
    func found(byTracker addresses: [PeerAddress], now: AnnounceSchedule.Instant)
}

extension Announcer {
    /// Sends the announces that are due.
    func sendAnnounces() {
        let timeout = resources.configuration.announceTimeout
        for case .announce(let tracker, let event) in announcing.schedule.takeActions() {
            Task { await announce(to: tracker, event, timeout: timeout) }
        }
    }

    /// Asks trackers that are not announced to how large the swarm is, while a reader waits for want
    /// of peers: those of large swarms are announced to first.
    func sendScrapes(now: AnnounceSchedule.Instant) {
        guard announcing.schedule.asksFurtherTrackers else { return }
        let due = announcing.scrapes.takeDue(
            now: now,
            isAnnouncing: announcing.schedule.isAsking
        )
        for tracker in due { Task { await scrape(tracker) } }
    }

    private func scrape(_ tracker: String) async {
        let name: Logger.Metadata = ["tracker": "\(Announcing.name(of: tracker))"]
        do {
            let size = try await resources.tracker.scrape(
                tracker,
                swarmHashes.all[0],
                timeout: resources.configuration.announceTimeout
            )
            announcing.scrapes.told(size, by: tracker, now: .now)
            logger.debug(
                "scraped: \(size.map { "\($0.seedCount) seeds, \($0.leecherCount) others" } ?? "unknown")",
                metadata: name
            )
        } catch {
            announcing.scrapes.failed(tracker, now: .now)
            logger.debug("the tracker is not scraped: \(error)", metadata: name)
        }
        let size = announcing.scrapes.size(at: tracker)
        announcing.schedule.learned(peerCount: size?.peerCount, at: tracker)
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
        let outcome = await resources.announce(
            to: tracker,
            swarmHashes,
            event,
            standing,
            trackerID: announcing.trackerIDs[tracker],
            timeout: timeout
        )
        version2Peers.insert(outcome.version2Peers)
        do {
            succeeded(tracker, try outcome.response.get(), also: outcome.version2Peers)
        } catch {
            failed(tracker, error)
        }
    }

    private func succeeded(
        _ tracker: String,
        _ response: AnnounceResponse,
        also others: [PeerAddress]
    ) {
        guard !isStopped else { return }
        let name: Logger.Metadata = ["tracker": "\(Announcing.name(of: tracker))"]
        if announcing.failing.remove(tracker) != nil {
            logger.log(
                level: announcing.recoveryLevel,
                "the tracker answers again",
                metadata: name
            )
        }
        if let id = response.trackerID { announcing.trackerIDs[tracker] = id }
        if let warning = response.warning {
            logger.warning("the tracker warns: \(warning)", metadata: name)
        }
        let peers = (response.peers + others).filter(resources.addresses.allows)
        if let host = response.ownHost {
            let voter = Announcing.name(of: tracker)
            resources.discovery.dht?.run { $0.heardOwnHost(host, from: voter) }
        }
        turn { now in
            if let size = response.swarmSize {
                announcing.scrapes.told(size, by: tracker, now: now)
                announcing.schedule.learned(peerCount: size.peerCount, at: tracker)
            }
            if let host = response.ownHost { heardOwnHost(host, fromTracker: tracker) }
            announcing.schedule.succeeded(
                tracker: tracker,
                interval: response.interval ?? .seconds(1800),
                minimumInterval: response.minimumInterval,
                now: now
            )
            found(byTracker: peers, now: now)
        }
        if !response.namedPeers.isEmpty { Task { await findPeers(named: response.namedPeers) } }
    }

    /// BEP 3 lets a tracker name peers by their hosts.
    private func findPeers(named peers: [AnnounceResponse.NamedPeer]) async {
        await resources.findPeers(named: peers, on: loop, logger: logger) { addresses in
            guard !isStopped else { return }
            turn { now in found(byTracker: addresses, now: now) }
        }
    }

    private func failed(_ tracker: String, _ error: any Error) {
        guard !isStopped else { return }
        let isNews = announcing.failing.insert(tracker).inserted
        logger.log(
            level: isNews ? announcing.failureLevel : .debug,
            "the tracker failed: \(error)",
            metadata: ["tracker": "\(Announcing.name(of: tracker))"]
        )
        var retry: AnnounceError.Retry?
        if case AnnounceError.refused(_, let wish) = error { retry = wish }
        turn { now in
            switch retry {
            case .never: announcing.schedule.refusedForGood(tracker: tracker, now: now)
            case .after(let wait):
                announcing.schedule.failed(tracker: tracker, retryAfter: wait, now: now)
            case nil: announcing.schedule.failed(tracker: tracker, retryAfter: nil, now: now)
            }
        }
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
