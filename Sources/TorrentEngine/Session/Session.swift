package import BitTorrentProtocol
package import Logging
package import NIOCore
import PieceStorage
package import StateStore
import Synchronization
import TorrentLogic

/// The torrents of this program, the port on which peers find them, and what they share.
package final class Session: Sendable {
    struct State {
        var torrents: [InfoHash: RegisteredTorrent] = [:]
        /// The second names of hybrid torrents, and the first name of each.
        var firstNames: [InfoHash: InfoHash] = [:]
        /// What the routes wish of their torrents.
        var wishes: [InfoHash: TorrentWishes] = [:]
        var listener: PeerListener?
        var isStopped = false

        func torrent(_ name: InfoHash) -> RegisteredTorrent? { torrents[firstNames[name] ?? name] }
    }

    /// The id by which peers know us, new with every session.
    package let ownID: PeerID

    /// Yields whenever magnet links have become torrents.
    package let metadataArrivals: AsyncStream<Void>

    let group: any EventLoopGroup
    let store: StateStore
    let resources: SessionResources
    let activation: TorrentActivation
    /// Torrents whose metadata has not come yet.
    let searches: MagnetSearches
    /// To the proxy, for HTTP; `nil` for none.
    private let bridge: ProxyBridge?
    let arrivals: AsyncStream<Void>.Continuation
    private let portMapping: PortMappingService?
    let state = Mutex(State())

    /// - Parameters:
    ///   - store: outlives the session.
    ///   - group: on whose event loops everything runs; outlives the session.
    /// - Throws: `StorageError` if the cache directory cannot be made or written, `StateStoreError`.
    package init(
        configuration: SessionConfiguration,
        store: StateStore,
        group: any EventLoopGroup,
        logger: Logger
    ) throws {
        var generator = SystemRandomNumberGenerator()
        ownID = PeerID(using: &generator)
        self.group = group
        self.store = store
        (metadataArrivals, arrivals) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let connector = configuration.proxy.map {
            ProxyConnector(
                $0,
                timeout: configuration.connectTimeout,
                place: BindPlace(configuration.listenHost)
            )
        }
        bridge = connector.map { ProxyBridge($0, group: group, logger: logger) }
        resources = try SessionResources(
            configuration: configuration,
            ownID: ownID,
            store: store,
            proxy: connector,
            bridge: bridge,
            group: group,
            logger: logger
        )
        activation = TorrentActivation(resources: resources, group: group)
        searches = MagnetSearches(resources: resources, group: group)
        portMapping =
            configuration.mapsPorts && configuration.routes.route(of: .portMapping) == .direct
            ? PortMappingService(group: group, resources: resources) : nil
    }

    // MARK: Life

    /// Takes up the registered torrents and begins to listen for peers.
    ///
    /// - Returns: the port on which it listens.
    /// - Throws: after the session has been shut down.
    @discardableResult
    package func start() async throws -> UInt16 {
        do {
            resources.configuration.sayRoutes(to: resources.logger)
            try await takeUpRegistered()
            try await beginCacheRun()
            searches.start { [weak self] in await self?.arrived($0, of: $1, from: $2) }
            let port = try await listen()
            try await takeUpMagnets()
            await resources.discovery.start(port: port)
            await portMapping?.start()
            resources.pins.start()
            return port
        } catch {
            await shutdown()
            throw error
        }
    }

    /// - Returns: the port that trackers are told; they want one, whether somebody listens or not.
    private func listen() async throws -> UInt16 {
        let configuration = resources.configuration
        guard configuration.routes.route(of: .incomingPeers) == .direct else {
            resources.listenPort.value = configuration.listenPort
            await resources.transports.utp?.start(port: 0, accept: nil)
            return configuration.listenPort
        }
        let listener = try await PeerListener(group: group, resources: resources) {
            [weak self] in self?.owner(of: $0) ?? .nobody
        }
        resources.listenPort.value = listener.port
        let isStopped = state.withLock { state in
            if !state.isStopped { state.listener = listener }
            return state.isStopped
        }
        guard !isStopped else {
            await listener.close()
            throw SessionError.stopped
        }
        await resources.transports.utp?.start(port: listener.port, accept: listener.accept)
        resources.logger.info(
            "listening for peers",
            metadata: ["port": "\(listener.port)", "torrents": "\(torrentCount)"]
        )
        return listener.port
    }

    private func takeUpRegistered() async throws {
        let store = store
        take(try await resources.pool.run { try store.registrations() })
    }

    /// Ends everything, which every session that was made needs: connections, announces (`stopped`,
    /// for at most the farewell timeout), pending records.
    ///
    /// The session cannot be started again.
    package func shutdown() async {
        let (listener, torrents) = state.withLock { state in
            defer {
                state.listener = nil
                state.torrents = [:]
                state.isStopped = true
            }
            return (state.listener, Array(state.torrents.values))
        }
        let fetches = searches.end()
        resources.pins.end()
        arrivals.finish()
        await listener?.close()
        let (portMapping, timeout) = (portMapping, resources.configuration.farewellTimeout)
        await withTaskGroup { group in
            group.addTask { await portMapping?.shutdown(within: timeout) }
            for torrent in torrents { group.addTask { await torrent.end(.session) } }
            for fetch in fetches { group.addTask { await fetch.stop() } }
        }
        await resources.discovery.shutdown()
        await resources.transports.shutdown()
        // Jobs that run end first, and what they wrote is recorded.
        let journal = resources.journal
        try? await resources.pool.run { journal.flush() }
        await endCacheRun()
        try? await resources.pool.shutdown()
        await resources.tracker.shutdown()
        await resources.webSeeds.shutdown()
        await resources.metainfoClient.shutdown()
        await bridge?.close()
    }

    /// UDP port of our DHT node; 0 while there is none.
    package var dhtPort: UInt16 { resources.discovery.dhtPort }

    // MARK: Torrents

    var isStopped: Bool { state.withLock { $0.isStopped } }

    package var torrentCount: Int { state.withLock { $0.torrents.count } }

    package var torrents: [RegisteredTorrent] { state.withLock { Array($0.torrents.values) } }

    /// - Parameter infoHash: a torrent's identity, or of a hybrid one its cut hash of v2.
    package func torrent(_ infoHash: InfoHash) -> RegisteredTorrent? {
        state.withLock { $0.torrent(infoHash) }
    }

    /// Registers a torrent; one that is there already is left as it is.
    ///
    /// It goes to work when something needs it.
    ///
    /// - Parameter addedTime: seconds since 1970; only the first one counts, for ever.
    package func add(_ metainfo: Metainfo, addedTime: Int64) async throws -> RegisteredTorrent {
        if let torrent = torrent(metainfo.infoHash) {
            guard torrent.version2Hash == metainfo.version2Hash else {
                throw SessionError.sameName(metainfo.infoHash)
            }
            return torrent
        }
        try await add([metainfo], addedTime: addedTime)
        guard let torrent = torrent(metainfo.infoHash) else { throw SessionError.stopped }
        return torrent
    }

    /// Registers torrents, all in one step.
    ///
    /// - Parameter addedTime: seconds since 1970; only the first one counts, for ever.
    package func add(_ metainfos: [Metainfo], addedTime: Int64) async throws {
        let store = store
        take(
            try await resources.pool.run {
                try store.register(metainfos, addedTime: addedTime)
            }
        )
        for name in metainfos.flatMap(\.swarmHashes.all) { await forgetFetch(of: name)?.stop() }
    }

    /// Adds a torrent whose content this program has: fills the cache with it and seeds it.
    ///
    /// - Parameter content: gives a byte range of the torrent; called on a disk thread, a piece at a
    ///   time.
    /// - Throws: `SessionError.wrongContent` if a piece is not what the metainfo says.
    package func addSeed(
        _ metainfo: Metainfo,
        addedTime: Int64,
        content: @escaping @Sendable (Range<UInt64>) throws -> ByteBuffer
    ) async throws -> RegisteredTorrent {
        let torrent = try await add(metainfo, addedTime: addedTime)
        if try await !torrent.load().cached.isComplete {
            let resources = resources
            try await torrent.whileCold {
                try await resources.pool.run {
                    try fillCache(of: metainfo, resources, from: content)
                }
            }
        }
        torrent.set(.seeds, true)
        guard await torrent.warmed() != nil else { throw SessionError.stopped }
        return torrent
    }

    /// Forgets a torrent, its pieces and its cache file; or a magnet link.
    ///
    /// Its readers are told.
    package func remove(_ infoHash: InfoHash) async throws {
        try await removeMagnet(infoHash)
        let removed = state.withLock { state in
            let torrent = state.torrents.removeValue(forKey: infoHash)
            for name in torrent?.swarmHashes.all ?? [] { state.firstNames[name] = nil }
            return torrent
        }
        guard let torrent = removed else { return }
        for name in torrent.swarmHashes.all { resources.obfuscatedInfoHashes.remove(name) }
        resources.pins.remove(infoHash)
        await torrent.end(.removed)
        let (store, cache, journal) = (store, resources.cache, resources.journal)
        let space = resources.space
        try await resources.pool.run {
            journal.drop(infoHash)
            try store.removeTorrent(infoHash)
            try cache.removeStore(of: infoHash)
            space.forget(infoHash)
        }
    }

    /// Tells a torrent where peers are.
    package func addPeers(_ infoHash: InfoHash, _ addresses: [PeerAddress]) async {
        torrent(infoHash)?.found(addresses)
        await searches.found(addresses, of: infoHash)
    }

    /// - Returns: what stood before.
    func replaceWishes(
        with wishes: [InfoHash: TorrentWishes]
    ) -> [InfoHash: TorrentWishes] {
        state.withLock { state in
            defer { state.wishes = wishes }
            return state.wishes
        }
    }

    /// Makes registered torrents known; nothing happens after the session's end.
    func take(_ registrations: [StateStore.Registration]) {
        let new = state.withLock { state -> [RegisteredTorrent] in
            guard !state.isStopped else { return [] }
            var new: [RegisteredTorrent] = []
            for registration in registrations where state.torrents[registration.infoHash] == nil {
                let torrent = RegisteredTorrent(
                    infoHash: registration.infoHash,
                    version2Hash: registration.version2Hash,
                    addedTime: registration.addedTime,
                    creationDate: registration.creationDate,
                    traits: registration.holdsPieces ? .holdsPieces : [],
                    pinnedByUser: registration.pinned,
                    activation: activation
                )
                name(torrent, in: &state)
                new.append(torrent)
            }
            return new
        }
        for torrent in new where torrent.pinned != .nothing { keepPinned(torrent) }
        resources.pins.add(new.filter(\.isWanted))
    }

    private func name(_ torrent: RegisteredTorrent, in state: inout State) {
        state.torrents[torrent.infoHash] = torrent
        for name in torrent.swarmHashes.all {
            if name != torrent.infoHash { state.firstNames[name] = torrent.infoHash }
            resources.obfuscatedInfoHashes.insert(name)
        }
    }

    /// - Returns: false if there is a torrent of that info-hash.
    func insert(_ torrent: RegisteredTorrent) throws(SessionError) -> Bool {
        let isInserted = state.withLock { state -> Bool? in
            guard !state.isStopped else { return nil }
            guard state.torrents[torrent.infoHash] == nil else { return false }
            name(torrent, in: &state)
            return true
        }
        guard let isInserted else { throw .stopped }
        return isInserted
    }

    /// A cold torrent that has what peers may want is woken.
    private func owner(of infoHash: InfoHash) -> PeerOwnerSearch {
        guard let torrent = torrent(infoHash) else {
            return fetch(of: infoHash).map { .found($0) } ?? .nobody
        }
        if let active = torrent.active { return .found(active) }
        guard torrent.mayBeAskedFor, !resources.activity.isCrowded else { return .nobody }
        let promise = group.next().makePromise(of: (any PeerOwner)?.self)
        Task { promise.succeed(await torrent.warmed()) }
        return .later(promise.futureResult)
    }
}
