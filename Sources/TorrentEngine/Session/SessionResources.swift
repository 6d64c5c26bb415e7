import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

/// What the torrents of a session share.
struct SessionResources: Sendable {
    let configuration: SessionConfiguration
    let ownID: PeerID
    let announceKey: UInt32
    let cache: CacheDirectory
    let space: CacheSpace
    let pool: DiskPool
    let store: StateStore
    let journal: CompletionJournal
    let tracker: Trackers
    let webSeeds: WebSeedClient
    let metainfoClient: MetainfoClient
    let addresses: AddressFilter
    let discovery: Discovery
    let listenPort = ListenPort()
    let transports: PeerTransports
    let settings: PublishedSettings
    let bandwidth: SharedBandwidth
    let connections: Connections
    let encryptedDials: EncryptedDials
    let obfuscatedInfoHashes = ObfuscatedInfoHashes()
    let filter = PeerFilter()
    let activity: TorrentActivity
    let pins: PinnedTorrents
    let logger: Logger

    var dialler: PeerDialler { transports.dialler }

    /// Of a torrent that is made now.
    func swarmLimits(of infoHash: InfoHash) -> SwarmLimits {
        var limits = configuration.limits
        limits.maximumPeers = settings.current.peersPerTorrent
        if let limit = space.limit(of: infoHash) {
            // What is being fetched must not crowd out what is read.
            limits.maximumUnverifiedByteCount = min(limits.maximumUnverifiedByteCount, limit / 4)
        }
        return limits
    }
}

extension SessionResources {
    /// - Parameters:
    ///   - proxy: through which others are reached; `nil` for none.
    ///   - bridge: the same, for HTTP.
    /// - Throws: `StorageError` if the cache directory cannot be made or written, `StateStoreError`.
    init(
        configuration: SessionConfiguration,
        ownID: PeerID,
        store: StateStore,
        proxy: ProxyConnector?,
        bridge: ProxyBridge?,
        group: any EventLoopGroup,
        logger: Logger
    ) throws {
        self.configuration = configuration
        self.ownID = ownID
        announceKey = try Self.announceKey(in: store)
        cache = try CacheDirectory(configuration)
        space = CacheSpace(configuration, loop: group.next(), logger: logger)
        pool = DiskPool(size: configuration.diskThreadCount)
        self.store = store
        journal = CompletionJournal(store: store) { error in
            logger.error("verified pieces are not recorded: \(error)")
        }
        addresses = AddressFilter(
            allowsLoopback: configuration.allowsLoopback,
            excluded: filter
        )
        tracker = Trackers(
            group: group,
            listenHost: configuration.listenHost,
            addresses: addresses,
            bridge: bridge,
            connector: proxy,
            routes: configuration.routes
        )
        webSeeds = WebSeedClient(
            group: group,
            place: BindPlace(configuration.listenHost),
            addresses: addresses,
            bridge: bridge
        )
        metainfoClient = MetainfoClient(
            group: group,
            place: BindPlace(configuration.listenHost),
            addresses: addresses,
            bridge: bridge
        )
        transports = PeerTransports(
            configuration,
            proxy: proxy,
            loop: group.next(),
            logger: logger
        )
        discovery = Discovery(
            configuration: configuration,
            datagrams: transports.datagrams,
            addresses: addresses,
            store: store,
            pool: pool,
            group: group,
            logger: logger
        )
        settings = PublishedSettings(configuration.settings)
        bandwidth = SharedBandwidth(configuration.settings.rates)
        connections = Connections(
            configuration.settings.connections,
            loop: group.next(),
            logger: logger
        )
        encryptedDials = EncryptedDials(policy: configuration.encryption)
        activity = TorrentActivity(maximum: configuration.maximumActiveTorrents)
        pins = PinnedTorrents(configuration, loop: group.next())
        self.logger = logger
    }

    /// The same in every session, so that trackers know us again.
    private static func announceKey(in store: StateStore) throws -> UInt32 {
        try store.setting(.announceKey, orStore: (0..<4).map { _ in UInt8.random(in: 0...255) })
            .reduce(0) { $0 << 8 | UInt32($1) }
    }
}

extension CacheDirectory {
    fileprivate init(_ configuration: SessionConfiguration) throws(StorageError) {
        try self.init(path: configuration.cacheDirectory, layout: configuration.cacheLayout)
    }
}
