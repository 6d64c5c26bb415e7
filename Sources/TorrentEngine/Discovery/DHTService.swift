import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

/// This program's node of the DHT: performs what `DHTNode` decides, on one event loop, with a UDP
/// socket for each address family.
actor DHTService {
    private struct Wish {
        let isSeed: Bool
        let found: Discovery.Found
    }

    private struct Search {
        let infoHash: InfoHash
        /// Nodes known when it began.
        let nodeCount: Int
    }

    private static let interval = Duration.seconds(15 * 60)
    private static let saveInterval = TimeAmount.minutes(5)
    private static let maximumBootstrapFailures = 6
    private static let resolveTimeout = Duration.seconds(20)
    /// Nodes that find all others.
    private static let enoughNodes = 8

    /// UDP port of the node, 0 before it has started.
    nonisolated let port = ListenPort()
    private nonisolated let loop: any EventLoop
    private let names: [BootstrapName]
    private let datagrams: DatagramPort
    private let isReadOnly: Bool
    /// Nobody connects to us: we look for peers and are not announced.
    private let isHidden: Bool
    /// Whether names may be looked up by this machine.
    private let asksNames: Bool
    private let addresses: AddressFilter
    private let store: StateStore
    private let pool: DiskPool
    private let logger: Logger

    private var node: DHTNode?
    private var tcpPort: UInt16 = 0
    private var schedule: SearchSchedule
    private var wishes: [InfoHash: Wish] = [:]
    private var searches: [DHTNode.SearchKey: Search] = [:]
    private var hasBootstrapAddresses = false
    private var bootstrapFailures = 0
    private var timer: Scheduled<Void>?
    private var saving: RepeatedTask?
    private var bootstrapping: Scheduled<Void>?
    private var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    init(
        configuration: SessionConfiguration,
        datagrams: DatagramPort,
        addresses: AddressFilter,
        store: StateStore,
        pool: DiskPool,
        logger: Logger
    ) {
        names = configuration.dhtBootstrap
        // Others do not reach us through a proxy.
        let isHidden = configuration.routes.route(of: .dht) == .proxied
        self.isHidden = isHidden
        isReadOnly = configuration.isDHTReadOnly || isHidden
        asksNames = configuration.routes.route(of: .nameLookups) == .direct
        schedule = SearchSchedule(
            interval: Self.interval,
            urgentInterval: configuration.urgentSearchInterval
        )
        self.datagrams = datagrams
        self.addresses = addresses
        self.store = store
        self.pool = pool
        loop = datagrams.loop
        self.logger = logger
    }

    /// Runs `body` on the node's loop, soon.
    nonisolated func run(_ body: @escaping @Sendable (isolated DHTService) -> Void) {
        loop.execute { self.assumeIsolated(body) }
    }

    // MARK: Life

    /// - Parameter port: TCP port on which peers find us; the node takes the UDP port of the same
    ///   number if it is free.
    func start(port: UInt16) async {
        tcpPort = port
        let families = await datagrams.open(port: port)
        let store = store
        let bytes = try? await pool.run { try store.setting(.dhtState) }
        guard !isStopped, !families.isEmpty else { return }
        self.port.value = datagrams.port.value
        await datagrams.takeMessages { [weak self] bytes, address in
            self?.assumeIsolated { $0.received(bytes, from: address) }
        }
        var configuration = DHTNode.Configuration()
        configuration.families = []
        configuration.isReadOnly = isReadOnly
        if families.contains(false) { configuration.families.insert(.ipv4) }
        if families.contains(true) { configuration.families.insert(.ipv6) }
        node = DHTNode(
            configuration: configuration,
            saved: bytes.flatMap { DHTNode.SavedState(bytes: $0) } ?? DHTNode.SavedState(),
            generator: SystemRandomNumberGenerator(),
            now: .now
        )
        saving = loop.scheduleRepeatedTask(
            initialDelay: Self.saveInterval,
            delay: Self.saveInterval
        ) { [weak self] _ in
            self?.assumeIsolated { service in _ = service.save() }
        }
        bootstrap()
        performActions()
    }

    /// - Parameter port: TCP port on which peers find us from now on.
    func use(port: UInt16) { tcpPort = port }

    /// Saves what the node knows; searches end.
    func shutdown() async {
        isStopped = true
        timer?.cancel()
        saving?.cancel()
        bootstrapping?.cancel()
        try? await save()?.get()
        wishes = [:]
        node = nil
    }

    private func save() -> EventLoopFuture<Void>? {
        // A node that found nobody has nothing to replace an earlier state with.
        guard let node, node.nodeCount > 0 else { return nil }
        let (store, logger, bytes) = (store, logger, node.savedState.bytes)
        return pool.run(on: loop) {
            do {
                try store.setSetting(.dhtState, to: bytes)
            } catch {
                logger.error("the state of the DHT is not saved: \(error)")
            }
        }
    }

    // MARK: First nodes

    /// Looks up where to start, and again as long as the node knows hardly anybody.
    private func bootstrap() {
        guard !names.isEmpty, !isStopped else { return }
        let (names, loop) = (names, loop)
        Task {
            var found: [PeerAddress] = []
            // A question to a name server would go around a proxy.
            for name in names where asksNames || PeerAddress(numericHost: name.host, port: 1) != nil
            {
                do {
                    found += try await HostResolver.addresses(
                        of: name.host,
                        port: name.port,
                        on: loop,
                        within: Self.resolveTimeout
                    )
                } catch {
                    logger.debug("a DHT bootstrap node is not found: \(error)")
                }
                start(from: found)
            }
            tryAgainAsNeeded()
        }
    }

    private func start(from found: [PeerAddress]) {
        guard !isStopped, !found.isEmpty else { return }
        hasBootstrapAddresses = true
        node?.setBootstrapAddresses(found, now: .now)
        performActions()
    }

    private func tryAgainAsNeeded() {
        guard !isStopped else { return }
        // From 15 s to 16 min, and the latter while all is well.
        let isWell = (node?.nodeCount ?? 0) >= Self.enoughNodes
        bootstrapFailures = isWell ? Self.maximumBootstrapFailures : bootstrapFailures
        let delay = TimeAmount.seconds(15 << Int64(bootstrapFailures))
        bootstrapFailures = min(bootstrapFailures + 1, Self.maximumBootstrapFailures)
        bootstrapping = loop.scheduleTask(in: delay) { [weak self] in
            self?.assumeIsolated { service in
                if service.node.map({ $0.nodeCount < Self.enoughNodes }) ?? false {
                    service.bootstrap()
                } else {
                    service.tryAgainAsNeeded()
                }
            }
        }
    }

    /// A peer has told that a node may be at this address.
    func heardOf(_ address: PeerAddress) {
        guard !isStopped, addresses.mayAsk(address) else { return }
        node?.heardOf(address, now: .now)
        performActions()
    }

    /// A tracker has told where it sees us (BEP 24).
    func heardOwnHost(_ host: [UInt8], from tracker: String) {
        guard !isStopped else { return }
        node?.heardOwnHost(host, from: tracker, now: .now)
        performActions()
    }

    // MARK: Searches

    func want(_ infoHash: InfoHash, _ need: Discovery.Need, found: @escaping Discovery.Found) {
        guard !isStopped else { return }
        wishes[infoHash] = Wish(isSeed: need.isSeed, found: found)
        schedule.want(infoHash, isUrgent: need.isUrgent)
        performActions()
    }

    func drop(_ infoHash: InfoHash) {
        guard wishes.removeValue(forKey: infoHash) != nil else { return }
        schedule.drop(infoHash, now: .now)
        for (key, search) in searches where search.infoHash == infoHash {
            searches[key] = nil
            node?.cancel(key, now: .now)
        }
        performActions()
    }

    /// As long as nobody is known, a search would find nobody.
    private var canSearch: Bool {
        node.map { $0.nodeCount > 0 || hasBootstrapAddresses } ?? false
    }

    private func beginDueSearches(now: ContinuousClock.Instant) {
        guard canSearch, let nodeCount = node?.nodeCount else { return }
        for infoHash in schedule.takeDue(now: now) {
            let isUnderWay = searches.values.contains { $0.infoHash == infoHash }
            guard !isUnderWay, let wish = wishes[infoHash] else { continue }
            let key =
                isHidden
                ? node?.getPeers(infoHash, now: now)
                : node?.announce(infoHash, port: tcpPort, isSeed: wish.isSeed, now: now)
            if let key { searches[key] = Search(infoHash: infoHash, nodeCount: nodeCount) }
        }
    }

    private func found(_ peers: [PeerAddress], by key: DHTNode.SearchKey) {
        guard let infoHash = searches[key]?.infoHash else { return }
        let allowed = peers.filter(addresses.allows)
        guard !allowed.isEmpty else { return }
        wishes[infoHash]?.found(allowed)
    }

    private func finished(_ key: DHTNode.SearchKey) {
        guard let search = searches.removeValue(forKey: key) else { return }
        logger.debug("a DHT search has ended", metadata: ["torrent": "\(search.infoHash)"])
        // Whoever knows few nodes finds little, and tells hardly anybody where he is.
        if search.nodeCount < Self.enoughNodes { schedule.renew(search.infoHash) }
    }

    // MARK: Turns

    private func received(_ bytes: [UInt8], from address: PeerAddress) {
        guard !isStopped, !addresses.isFiltered(address) else { return }
        node?.received(bytes, from: address, now: .now)
        performActions()
    }

    private func performActions() {
        guard node != nil, !isStopped else { return }
        let now = ContinuousClock.now
        var hasMore = true
        while hasMore {
            beginDueSearches(now: now)
            let actions = node?.takeActions() ?? []
            for action in actions { perform(action) }
            hasMore = !actions.isEmpty
        }
        setTimer(now)
    }

    private func perform(_ action: DHTNode.Action) {
        switch action {
        case .send(let bytes, let address):
            // One that may not be dialled is like one that does not answer.
            guard addresses.mayAsk(address) else { return }
            datagrams.assumeIsolated { $0.send(bytes, to: address) }
        case .found(let peers, let key): found(peers, by: key)
        case .finished(let key): finished(key)
        }
    }

    private func setTimer(_ now: ContinuousClock.Instant) {
        timer?.cancel()
        let searching = canSearch ? schedule.nextDeadline : nil
        guard let deadline = [node?.nextDeadline, searching].compactMap(\.self).min() else {
            return
        }
        timer = loop.scheduleTask(in: TimeAmount(max(.zero, now.duration(to: deadline)))) {
            [weak self] in
            self?.assumeIsolated { $0.timerFired() }
        }
    }

    private func timerFired() {
        node?.timerFired(now: .now)
        performActions()
    }
}

extension StateStore.SettingKey {
    /// Ids and nodes of the DHT, as `DHTNode.SavedState` writes them.
    fileprivate static let dhtState = Self(rawValue: "dht_state")
}
