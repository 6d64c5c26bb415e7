import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import Synchronization
import TorrentLogic

extension Torrent {
    /// An idle torrent looks this often whether there are too many.
    private static let lookInterval = Duration.seconds(60)
    /// A crash loses no more of what was moved than that of so long.
    private static let trafficInterval = Duration.seconds(60)
    /// Idle time while too many torrents are at work.
    private static let crowdedIdleTime = Duration.seconds(30)

    /// The first event: goes to work.
    ///
    nonisolated func begin(with peers: [PeerAddress], pinned: PinnedFiles) {
        loop.execute {
            self.assumeIsolated { torrent in
                guard !torrent.isStopped else { return }
                torrent.logger.debug("active", metadata: ["peers": "\(peers.count)"])
                torrent.turn { now in
                    if pinned.part != nil { torrent.take(pinned, now: now) }
                    torrent.lifecycle.setPolicy(torrent.policy, now: now)
                    torrent.swarm.found(peers, now: now)
                }
            }
        }
    }

    /// The user wants something else of it.
    func reconsider() {
        guard !isStopped else { return }
        turn { now in lifecycle.setPolicy(policy, now: now) }
        coolIfIdle(.now)
    }

    /// Other files of it are pinned.
    func pinsChanged() {
        guard !isStopped else { return }
        take(registration.pinned, now: .now)
        reconsider()
    }

    private func take(_ pinned: PinnedFiles, now: Swarm.Instant) {
        let selection = pinned.part.map { PieceSelection(files: $0, of: info) }
        stored.select(selection)
        swarm.select(selection, now: now)
        countPinnedPart()
    }

    /// Tells how much of what is there is pinned, of a torrent that is not pinned whole.
    func countPinnedPart() {
        guard storage.isCache else { return }
        let pinned = published.cached.pieces.filter(stored.isPinned)
        resources.space.setPinnedPart(
            pinned.reduce(0) { $0 + info.geometry.diskByteCount(of: $1) },
            of: infoHash
        )
    }

    /// What the user wants, and whether torrents are many; looked at when that changes and when
    /// the timer fires, not with every block.
    var policy: TorrentLifecycle.Policy {
        let configuration = resources.configuration
        let idleTime = configuration.idleTime
        var policy = TorrentLifecycle.Policy(
            idleTime: resources.activity.isCrowded
                ? min(idleTime, Self.crowdedIdleTime) : idleTime
        )
        let traits = registration.traits
        policy.seeds = traits.contains(.seeds)
        policy.isPinned = traits.contains(.isFetchedWhole)
        policy.ratioLimit = configuration.seedRatio
        policy.timeLimit = configuration.seedTime
        return policy
    }

    /// Tells the life cycle how things stand, after each turn.
    func takeStock(_ standing: Swarm.Standing, now: Swarm.Instant) {
        if wasRead.exchange(false, ordering: .relaxed) { lifecycle.wasRead(now: now) }
        lifecycle.downloaded(downloadedByteCount - accounted.downloaded)
        if uploadedByteCount > accounted.uploaded {
            lifecycle.uploaded(uploadedByteCount - accounted.uploaded, now: now)
        }
        if accounted != (downloadedByteCount, uploadedByteCount) {
            accounted = (downloadedByteCount, uploadedByteCount)
            if keepsTrafficAt == nil { keepsTrafficAt = now + Self.trafficInterval }
        }
        var situation = TorrentLifecycle.Situation()
        situation.hasReaders = !waits.isEmpty || standing.hasReaderDemand
        situation.isBusy = verificationCount > 0
        situation.isComplete = standing.isComplete
        situation.heldByteCount = standing.heldByteCount
        lifecycle.update(situation, now: now)
        let isHungry = standing.hasReaderDemand && !isStopped
        if isHungry != self.isHungry {
            self.isHungry = isHungry
            resources.activity.isHungry(isHungry)
        }
        tellSpace(now)
        guard lifecycle.policy.isPinned, !isStopped else {
            return swarm.fetchWhole(nil, now: now)
        }
        if swarm.hasFetchedWhole() { resources.pins.remove(infoHash) }
        swarm.fetchWhole(
            resources.activity.hasHungryReaders ? .whenNobodyWaits : .always,
            now: now
        )
    }

    /// Asks for room for what is fetched, and takes over how much readers may have ahead.
    private func tellSpace(_ now: Swarm.Instant) {
        guard storage.isCache, !isStopped else { return }
        let expected = swarm.expectedByteCount
        resources.space.reserve(
            expected - min(expected, stored.placeByteCount),
            for: infoHash
        )
        let share = resources.space.windowBudget(
            of: infoHash,
            readerCount: resources.activity.readerCount,
            pieceLength: info.geometry.pieceLength
        )
        swarm.setWindowBudget(share, now: now)
    }

    /// When to look whether the torrent may go cold; `nil` while something needs it.
    func nextLook(_ now: Swarm.Instant) -> Swarm.Instant? {
        lifecycle.nextDeadline(now: now).map { max(min($0, now + Self.lookInterval), now) }
    }

    /// Goes cold if nothing has needed it for long.
    func coolIfIdle(_ now: Swarm.Instant) {
        guard !isStopped, lifecycle.mayCool(now: now) else { return }
        // Who takes long to read what it holds still reads.
        if published.isHeld { return turn { now in lifecycle.wasRead(now: now) } }
        guard registration.beginCooling(self) else { return }
        logger.debug("idle", metadata: ["peers": "\(links.count)"])
        Task { await sayGoodbye() }
    }

    /// The end of a torrent whose cooling has begun.
    func sayGoodbye() async {
        await stop()
        await diskJobsEnded()
        // From the moment it is cold its pieces are evicted without asking anybody.
        await published.close()
        await freePartialPieces()
        var traits: RegisteredTorrent.Traits = []
        if !published.cached.isEmpty { traits.insert(.holdsPieces) }
        if published.isComplete { traits.insert(.isComplete) }
        if lifecycle.hasSeededEnough(now: .now) { traits.insert(.hasSeededEnough) }
        registration.cooled(traits, peers: swarm.promisingAddresses)
        resources.pool.run(on: loop) { PayloadMemory.giveBackFreedBuffers() }
            .whenComplete { _ in }
    }

    /// Makes what was moved durable.
    func keepTraffic() {
        keepsTrafficAt = nil
        guard published.condition == .active else { return }
        let traffic = StateStore.Traffic(lifecycle.traffic(now: .now))
        let (store, infoHash, logger) = (resources.store, infoHash, logger)
        guard traffic != keptTraffic else { return }
        keptTraffic = traffic
        resources.pool.run(on: loop) {
            do {
                try store.setTraffic(traffic, of: infoHash)
            } catch {
                logger.error("what was sent and received is not recorded: \(error)")
            }
        }.whenComplete { _ in }
    }
}

extension TorrentLifecycle.Traffic {
    init(_ stored: StateStore.Traffic) {
        self.init(
            uploaded: stored.uploaded,
            downloaded: stored.downloaded,
            seeded: stored.seeded
        )
    }
}

extension StateStore.Traffic {
    init(_ counted: TorrentLifecycle.Traffic) {
        self.init(
            uploaded: counted.uploaded,
            downloaded: counted.downloaded,
            seeded: counted.seeded
        )
    }
}
