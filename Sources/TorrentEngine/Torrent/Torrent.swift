package import BitTorrentProtocol
import Logging
package import NIOCore
import PieceStorage
import StateStore
import Synchronization
import TorrentLogic

/// One torrent at work: performs what its `Swarm` decides.
///
/// An actor whose executor is one event loop. Its outgoing connections live on that loop and call
/// it without a hop; a block goes from the socket to the decision to the disk queue in one turn.
/// Readers on other threads see `TorrentContent`, which is not confined.
package actor Torrent {
    package nonisolated let infoHash: InfoHash
    nonisolated let swarmHashes: SwarmHashes
    package nonisolated let info: TorrentInfo
    package nonisolated let loop: any EventLoop

    package nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    nonisolated let published: PublishedPieces
    nonisolated let mailbox = ReaderMailbox()
    /// Since it was last looked at.
    nonisolated let wasRead = Atomic<Bool>(false)
    /// Seconds since 1970.
    nonisolated let lastRead: Atomic<UInt32>
    nonisolated let registration: RegisteredTorrent
    nonisolated let resources: SessionResources
    nonisolated let storage: TorrentStorage
    nonisolated let stored: StoredPieces
    nonisolated let logger: Logger
    nonisolated let version2Peers = Version2Peers()
    private nonisolated let lastPeerKey = Atomic<UInt64>(0)

    var swarm: Swarm
    var extensions: PeerExtensions
    var links: [PeerKey: PeerLink] = [:]
    nonisolated let webSeeds: [WebSeed]
    /// The web seeds that are in use.
    var webSeedLinks: [PeerKey: WebSeedLink] = [:]
    /// Web seeds whose last request failed: one log line for the first failure of a series.
    var failingWebSeeds: Set<PeerKey> = []
    /// Links on which something gathered that is not flushed.
    var unflushed: [PeerLink] = []
    /// Blocks to read and send when the turn is over.
    var servables = ServingRuns()
    var buffers = PieceBuffers()
    var waits = ReaderWaits()
    var announcing: Announcing
    var pace: TransferPace
    /// Limits that hold for this torrent whatever the session's settings say.
    var ownRates: TransferRates?
    var discoveryNeed: Discovery.Need?
    /// It was said in the log that no peer gives the hashes of pieces.
    var lacksHashes = false
    /// Blocks to hash when the turn is over.
    var provables: [Provable] = []
    /// Jobs that hash such blocks.
    var proofCount = 0
    var isStopped = false
    /// Some limit on payload holds.
    var isPaced = false
    var downloadedByteCount: UInt64 = 0
    var uploadedByteCount: UInt64 = 0
    var lifecycle: TorrentLifecycle
    /// What the life cycle knows of.
    var accounted: (downloaded: UInt64, uploaded: UInt64) = (0, 0)
    /// What of it is recorded.
    var keptTraffic: StateStore.Traffic
    /// When to record it again; `nil` while nothing is moved.
    var keepsTrafficAt: Swarm.Instant?
    var isHungry = false
    /// Jobs of the disk pool that change what is cached.
    var verificationCount = 0
    var diskJobWaits: [CheckedContinuation<Void, Never>] = []
    /// Pieces whose bytes are about to go from the disk: nothing is written in their place.
    var evicting: Set<PieceIndex> = []
    /// What came of such pieces meanwhile.
    var delayedVerifications: [PieceIndex] = []
    var delayedProvables: [Provable] = []
    /// Pieces that are hashed before they are read.
    var checking: Set<PieceIndex> = []
    var servesAfterCheck: [PieceIndex: [ServingRuns.Run]] = [:]
    var afterCheck: [PieceIndex: [CheckedContinuation<Bool?, Never>]] = [:]
    private var farewell: Task<Void, Never>?
    private var timer: (deadline: Swarm.Instant, task: Scheduled<Void>)?

    init(
        _ parts: TorrentActivation.Parts,
        registration: RegisteredTorrent,
        resources: SessionResources,
        loop: any EventLoop
    ) {
        let metainfo = parts.metainfo
        infoHash = metainfo.infoHash
        swarmHashes = metainfo.swarmHashes
        info = metainfo.info
        webSeeds = metainfo.webSeeds
        self.registration = registration
        self.loop = loop
        self.resources = resources
        var logger = resources.logger
        logger[metadataKey: "torrent"] = "\(metainfo.infoHash)"
        self.logger = logger
        storage = parts.storage
        lastRead = Atomic(parts.lastRead)
        published = PublishedPieces(
            geometry: metainfo.info.geometry,
            verified: parts.verified,
            unchecked: parts.unchecked,
            moment: parts.storage.isCache ? parts.lastRead : nil
        )
        stored = StoredPieces(parts, published, resources.space)
        swarm = Swarm(
            geometry: metainfo.info.geometry,
            have: parts.cached,
            hashes: metainfo.info.hashTrees.map { trees in
                HashExchange(
                    geometry: metainfo.info.geometry,
                    trees: trees,
                    layers: metainfo.pieceLayers,
                    isOnlyProof: !metainfo.info.version.hasVersion1
                )
            },
            webSeedCount: metainfo.webSeeds.count,
            ownID: resources.ownID,
            limits: resources.swarmLimits(of: metainfo.infoHash),
            seed: UInt64.random(in: 0 ... .max),
            now: .now
        )
        pace = TransferPace(rates: resources.settings.current.ratesPerTorrent, now: .now)
        extensions = PeerExtensions(
            metadata: .stored(
                byteCount: metainfo.infoBytes.count,
                isPrivate: metainfo.info.isPrivate
            ),
            maximumRequestCount: resources.configuration.limits.maximumQueuedRequests,
            allowsLocalAddresses: resources.addresses.allowsLoopback,
            dialsByUTP: resources.dialler.utp != nil
        )
        announcing = Announcing(
            tiers: metainfo.trackerTiers,
            isPrivate: metainfo.info.isPrivate,
            seed: UInt64.random(in: 0 ... .max)
        )
        lifecycle = TorrentLifecycle(
            policy: TorrentLifecycle.Policy(idleTime: resources.configuration.idleTime),
            traffic: TorrentLifecycle.Traffic(parts.traffic),
            now: .now
        )
        keptTraffic = parts.traffic
        isPaced = Self.holdBack(&swarm, pace, resources.bandwidth, now: .now)
    }

    // MARK: Turns

    /// Runs `body` on the torrent's loop: now if this is it, else soon.
    nonisolated func run(_ body: @escaping @Sendable (isolated Torrent) -> Void) {
        if loop.inEventLoop {
            assumeIsolated(body)
        } else {
            loop.execute { self.assumeIsolated(body) }
        }
    }

    nonisolated func makePeerKey() -> PeerKey {
        PeerKey(rawValue: lastPeerKey.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// Hands an event to the swarm and does all that follows from it.
    func turn(_ event: (Swarm.Instant) -> Void) {
        let now = Swarm.Instant.now
        event(now)
        performActions()
        endTurn(now)
    }

    /// Performs what was decided; to be followed by `endTurn`.
    func performActions() {
        performSwarmActions()
        if performExtensionActions() { performSwarmActions() }
    }

    private func performSwarmActions() {
        for action in swarm.takeActions() {
            switch action {
            case .send(let message, let key) where key.webSeedNumber != nil:
                askWebSeed(message, key)
            case .send(let message, let key):
                guard let link = links[key] else { break }
                link.send(message)
                flushLater(link)
            case .serve(let block, let key): servables.append(block, for: key)
            case .verify(let piece): verify(piece)
            case .prove(let block, let leaf): prove(block, leaf: leaf)
            case .keepLayer(let root): keepLayer(root)
            case .lackHashes: noteLackOfHashes()
            case .answerHashes(let answer, let key): answerHashes(answer, to: key)
            case .discard(let piece): buffers.discard(piece)
            case .dial(let address): resources.connections.dial(address, for: self)
            case .close(let key, let reason) where key.webSeedNumber != nil:
                closeWebSeed(key, because: reason)
            case .close(let key, let reason): close(key, because: reason)
            case .tellLost(let piece, let key): extensions.tellLost(piece, to: key)
            case .tellUploadOnly(let isUploadOnly): extensions.tellUploadOnly(isUploadOnly)
            case .banned(let address, let piece):
                logger.warning(
                    "banned a peer that sent wrong data",
                    metadata: ["peer": "\(address)", "piece": "\(piece.rawValue)"]
                )
            }
        }
    }

    /// What follows once all events of a turn are in: flush, announce, set the timer.
    func endTurn(_ now: Swarm.Instant) {
        if isPaced { keepPace(now) }
        takeStock(swarm.standing(), now: now)
        performActions()
        serveGathered()
        flushGathered()
        proveGathered()
        fetchFromWebSeeds()
        let standing = swarm.standing()
        announceAsNeeded(standing, now: now)
        discoverAsNeeded(standing, now: now)
        setTimer(now)
    }

    /// The link is flushed when the turn is over.
    func flushLater(_ link: PeerLink) {
        if link.marksUnflushed() { unflushed.append(link) }
    }

    private func flushGathered() {
        // A flush may end the connection, which is a turn of its own.
        let links = unflushed
        unflushed = []
        for link in links { link.flush() }
    }

    /// Sets the timer to the next deadline, if there is any: a torrent at rest has no timer.
    ///
    /// One that is set too early is left alone, because deadlines move with every block.
    private func setTimer(_ now: Swarm.Instant) {
        let deadlines = [
            isStopped ? nil : swarm.deadline(), extensions.nextDeadline,
            announcing.schedule.nextDeadline, nextLook(now), keepsTrafficAt,
            isPaced ? pace.askAgainAt : nil,
        ]
        guard let deadline = deadlines.compactMap(\.self).min(), !isStopped else {
            timer?.task.cancel()
            timer = nil
            return
        }
        if let timer, timer.deadline <= deadline { return }
        timer?.task.cancel()
        let delay = TimeAmount(max(.zero, now.duration(to: deadline)))
        let task = loop.scheduleTask(in: delay) { [weak self] () -> Void in
            self?.assumeIsolated { $0.timerFired() }
        }
        timer = (deadline, task)
    }

    private func timerFired() {
        timer = nil
        let now = Swarm.Instant.now
        lifecycle.setPolicy(policy, now: now)
        if let deadline = swarm.deadline(), deadline <= now { swarm.timerFired(now: now) }
        if let deadline = extensions.nextDeadline, deadline <= now {
            extensions.timerFired(now: now)
        }
        if let deadline = announcing.schedule.nextDeadline, deadline <= now {
            announcing.schedule.timerFired(now: now)
        }
        if let deadline = keepsTrafficAt, deadline <= now { keepTraffic() }
        performActions()
        endTurn(now)
        coolIfIdle(now)
    }

    // MARK: End

    /// Closes every connection and tells the trackers, within the session's farewell timeout.
    func stop() async {
        if farewell == nil {
            end()
            farewell = Task { await sayFarewell() }
        }
        await farewell?.value
    }

    private func end() {
        isStopped = true
        endDiscovery()
        resources.bandwidth.leave(infoHash)
        resources.connections.leave(self)
        swarm.stop(now: .now)
        performActions()
        buffers.discardAll()
        timer?.task.cancel()
        timer = nil
        _ = waits.fail(with: published.condition == .removed ? .removed : .failed)
        if isHungry { resources.activity.isHungry(false) }
        isHungry = false
        resources.space.reserve(0, for: infoHash)
        resources.space.forgetMemory(of: infoHash)
        keepTraffic()
        keepCacheUse()
    }

    /// As `stop`; readers are told that the torrent is gone.
    func remove() async {
        published.setRemoved()
        await stop()
    }
}
