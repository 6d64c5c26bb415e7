import BitTorrentProtocol
import Cryptography
import Logging
import NIOCore
import PieceStorage
import StateStore
import Synchronization
import TorrentLogic

/// A torrent that is known by its magnet link alone, while its metadata is looked for: performs what
/// its `MetadataSwarm` decides.
///
/// Confined to one event loop, as a `Torrent` is, into which it turns.
actor MagnetFetch {
    /// Who goes on once the metadata is here, and addresses where the peers may be found.
    typealias Completion = @Sendable (Metainfo, [PeerAddress]) async -> Void

    nonisolated let infoHash: InfoHash
    nonisolated let swarmHashes: SwarmHashes
    nonisolated let version2Peers = Version2Peers()
    nonisolated let loop: any EventLoop
    nonisolated let resources: SessionResources
    nonisolated let logger: Logger

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    nonisolated let lastPeerKey = Atomic<UInt64>(0)
    let version2Hash: Version2InfoHash?
    let trackerTiers: [[String]]
    let progress: @Sendable () -> Void
    let webSeeds: [WebSeed]
    private let completion: Completion

    var swarm: MetadataSwarm
    var links: [PeerKey: PeerLink] = [:]
    /// What those of `links` are and said, for whoever goes on with the torrent.
    var early: [PeerKey: EarlyPeer] = [:]
    /// Who has the connections now, and under which keys.
    var successor: (torrent: Torrent, keys: [PeerKey: PeerKey])?
    private var unflushed: Set<PeerKey> = []
    var announcing: Announcing
    var sources: MetainfoSources
    var isStopped = false
    private var timer: (deadline: MetadataSwarm.Instant, task: Scheduled<Void>)?
    private var reminder: Scheduled<Void>?

    private static let reminderDelay = TimeAmount.seconds(60)

    /// - Parameters:
    ///   - progress: called when a peer is connected.
    ///   - completion: called once, as soon as metadata with the right hash is here.
    init(
        _ magnet: MagnetLink,
        infoHash: InfoHash,
        resources: SessionResources,
        loop: any EventLoop,
        progress: @escaping @Sendable () -> Void,
        completion: @escaping Completion
    ) {
        self.infoHash = infoHash
        swarmHashes = magnet.swarmHashes
        version2Hash = magnet.version2Hash
        self.resources = resources
        self.loop = loop
        self.progress = progress
        self.completion = completion
        var logger = resources.logger
        logger[metadataKey: "torrent"] = "\(infoHash)"
        if let name = magnet.displayName {
            // Anybody could have written it.
            logger[metadataKey: "name"] = "\(name.prefix(80))"
        }
        self.logger = logger
        trackerTiers = magnet.trackers.map { [$0] }
        webSeeds = magnet.webSeeds.prefix(MetainfoLimits().webSeedCount).compactMap {
            WebSeed($0, style: .getRight)
        }
        sources = MetainfoSources(
            exact: magnet.exactSources,
            acceptable: magnet.acceptableSources,
            now: .now
        )
        announcing = Announcing(
            tiers: trackerTiers,
            isPrivate: false,
            isMagnet: true,
            seed: UInt64.random(in: 0 ... .max)
        )
        swarm = MetadataSwarm(
            ownID: resources.ownID,
            limits: resources.swarmLimits(of: infoHash),
            allowsLocalAddresses: resources.addresses.allowsLoopback,
            seed: UInt64.random(in: 0 ... .max)
        )
    }

    // MARK: Life

    /// Begins to look for peers: those of the link, and those that the trackers know.
    func start(with peers: [PeerAddress]) {
        guard !isStopped else { return }
        reminder = loop.scheduleTask(in: Self.reminderDelay) { [weak self] () -> Void in
            self?.assumeIsolated { $0.remind() }
        }
        for hash in swarmHashes.all {
            resources.discovery.want(hash, Discovery.Need(isUrgent: true, isSeed: false)) {
                [weak self] peers in
                guard let self else { return }
                loop.execute { self.assumeIsolated { $0.found(peers) } }
            }
        }
        turn { now in
            announcing.schedule.start(now: now)
            swarm.found(peers, now: now)
        }
    }

    /// Adds addresses where peers may be found.
    func found(_ addresses: [PeerAddress]) {
        guard !isStopped, !addresses.isEmpty else { return }
        turn { now in swarm.found(addresses, now: now) }
    }

    /// Closes every connection and tells the trackers, within the session's farewell timeout.
    func stop() async {
        end()
        closeConnections()
        await sayFarewell()
    }

    /// - Parameter keepsConnections: they stay until `handOver` or `closeConnections`.
    private func end(keepsConnections: Bool = false) {
        guard !isStopped else { return }
        isStopped = true
        for hash in swarmHashes.all { resources.discovery.drop(hash) }
        resources.connections.leave(self)
        swarm.stop()
        if keepsConnections {
            _ = swarm.takeActions()
        } else {
            performActions()
        }
        timer?.task.cancel()
        reminder?.cancel()
    }

    private func remind() {
        guard !isStopped else { return }
        logger.notice(
            "no metadata after a minute; the search goes on",
            metadata: ["peers": "\(swarm.peerCount)", "trackers": "\(trackerTiers.count)"]
        )
    }

    // MARK: Turns

    /// Hands an event to the swarm and does all that follows from it.
    func turn(_ event: (MetadataSwarm.Instant) -> Void) {
        let now = MetadataSwarm.Instant.now
        event(now)
        performActions()
        for key in unflushed { links[key]?.flush() }
        unflushed.removeAll(keepingCapacity: true)
        announceAsNeeded(usablePeerCount: swarm.usablePeerCount, now)
        askSources(now: now)
        setTimer(now)
    }

    func found(byTracker addresses: [PeerAddress], now: MetadataSwarm.Instant) {
        swarm.found(addresses, now: now)
    }

    private func performActions() {
        for action in swarm.takeActions() {
            switch action {
            case .send(let id, let payload, let key):
                links[key]?.send(.extended(id: id, payload: ByteBuffer(bytes: payload)))
                unflushed.insert(key)
            case .sendHaveNone(let key):
                links[key]?.send(.haveNone)
                unflushed.insert(key)
            case .dial(let address):
                // Peers tell of others.
                if resources.addresses.allows(address) {
                    resources.connections.dial(address, for: self)
                } else {
                    loop.execute { self.assumeIsolated { $0.dialFailed(address) } }
                }
            case .close(let key, let reason): close(key, because: reason)
            case .complete(let bytes): verify(bytes)
            case .banned(let address):
                logger.warning(
                    "banned a peer that sent wrong metadata",
                    metadata: ["peer": "\(address)"]
                )
            }
        }
    }

    func close(_ key: PeerKey, because reason: CloseReason) {
        early[key] = nil
        guard let link = links.removeValue(forKey: key) else { return }
        logger.debug("closing a peer: \(reason)", metadata: ["peer": "\(link.address)"])
        link.channel.close(promise: nil)
    }

    private func setTimer(_ now: MetadataSwarm.Instant) {
        timer?.task.cancel()
        timer = nil
        let deadlines = [
            swarm.nextDeadline, announcing.schedule.nextDeadline, sources.nextDeadline,
        ]
        guard !isStopped, let deadline = deadlines.compactMap(\.self).min() else { return }
        let delay = TimeAmount(max(.zero, now.duration(to: deadline)))
        let task = loop.scheduleTask(in: delay) { [weak self] () -> Void in
            self?.assumeIsolated { $0.timerFired() }
        }
        timer = (deadline, task)
    }

    private func timerFired() {
        timer = nil
        guard !isStopped else { return }
        turn { now in
            swarm.timerFired(now: now)
            announcing.schedule.timerFired(now: now)
        }
    }

    // MARK: Metadata

    private enum Verdict: Sendable {
        case wrong
        case right(Metainfo)
        /// The link's two hashes are of different torrents.
        case contradictory
        /// The hash is right, but the metadata describes nothing that can be read.
        case unusable(MetainfoError)
    }

    private func verify(_ bytes: [UInt8]) {
        let (tiers, version1, version2) = (trackerTiers, swarmHashes.version1, version2Hash)
        let webSeeds = webSeeds
        let verdict = resources.pool.run(on: loop) { () -> Verdict in
            let matches = [
                version1.map { InfoHash(ofInfoDictionary: bytes) == $0 },
                version2.map { Version2InfoHash(ofInfoDictionary: bytes) == $0 },
            ].compactMap(\.self)
            guard matches.contains(true) else { return .wrong }
            guard !matches.contains(false) else { return .contradictory }
            do throws(MetainfoError) {
                let metainfo = try Metainfo(
                    infoBytes: bytes,
                    trackerTiers: tiers,
                    webSeeds: webSeeds
                )
                guard version2 == nil || metainfo.version2Hash != nil else {
                    return .unusable(.missingMetaVersion)
                }
                return .right(metainfo)
            } catch {
                return .unusable(error)
            }
        }
        verdict.whenComplete { result in
            self.assumeIsolated { $0.finish(result) }
        }
    }

    /// It is known what the torrent is.
    func finish(with metainfo: Metainfo) {
        let peers = swarm.promisingAddresses
        // A private torrent's peers come from its trackers alone (BEP 27).
        end(keepsConnections: !metainfo.info.isPrivate)
        Task { await completion(metainfo, peers) }
    }

    private func finish(_ verdict: Result<Verdict, any Error>) {
        guard !isStopped else { return }
        switch verdict {
        case .success(.right(let metainfo)): finish(with: metainfo)
        case .success(.wrong): turn { now in swarm.refused(now: now) }
        case .success(.contradictory):
            logger.error("the hashes of version 1 and 2 in the link are of different torrents")
            end()
            Task { await sayFarewell() }
        case .success(.unusable(let error)):
            logger.error("the metadata is here, but the torrent cannot be shown: \(error)")
            end()
            Task { await sayFarewell() }
        // The pool has ended, and the session with it.
        case .failure: end()
        }
    }
}
