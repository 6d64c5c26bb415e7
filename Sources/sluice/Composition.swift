import Cryptography
import Logging
import NFSExposure
import NIOCore
import NIOPosix
import ServiceLifecycle
import StateStore
import TorrentEngine
import TorrentLogic
import UnixSignals
import VirtualTree

/// The whole program: every object, made once, each from those below it.
struct Composition {
    private let file: ConfigurationFile
    private let settings: ConfigurationFile.Settings
    private let logger: Logger
    private let store: StateStore
    private let session: Session
    private let demo: DemoSeed
    private let folders: ServedFolders
    private let loader: RouteLoader
    private let server: NFSServer

    init(file: ConfigurationFile, settings: ConfigurationFile.Settings, logger: Logger) throws {
        let configuration = settings.configuration
        let group = MultiThreadedEventLoopGroup.singleton
        let store = try StateStore(directory: configuration.stateDirectory)
        let now = Timestamp.now

        session = try Session(
            configuration: SessionConfiguration(configuration),
            store: store,
            group: group,
            logger: logger
        )
        session.replaceFilter(with: settings.ipFilter)
        demo = DemoSeed(
            directory: "\(configuration.stateDirectory)/demo-seed",
            group: group,
            logger: logger.named("demo seed")
        )
        folders = ServedFolders(session: session, store: store)
        let library = Library(
            ledger: RouteLedger(
                routes: try store.routes(),
                entries: try store.routeEntries(),
                now: now
            ),
            layouts: LayoutShelf(store: store),
            cachedBytes: { [session] in session.cachedByteCount }
        )
        loader = RouteLoader(
            session: session,
            library: library,
            store: store,
            folders: folders,
            demo: demo,
            logger: logger
        )
        let key =
            try configuration.nfs.handleKey
            ?? store.setting(.handleKey, orStore: SecureRandom.bytes(SipHash24.keyByteCount))
        guard let handles = FileHandleCodec(key: key) else {
            throw StateStoreError.corrupt(
                path: configuration.stateDirectory,
                what: "the key of file handles has no 16 bytes"
            )
        }
        server = NFSServer(
            configuration: NFSServerConfiguration(configuration),
            tree: library,
            handles: handles,
            exports: settings.exports,
            group: group,
            logger: logger
        )
        self.store = store
        self.file = file
        self.settings = settings
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT.
    func run() async throws {
        let configuration = settings.configuration
        // First of all: one that comes during the start would end the program.
        let hangUps = await UnixSignalsSequence(trapping: .sighup)
        do {
            try await session.start()
            // Before the first call: a handle from before a restart must not look stale.
            await loader.load(configuration.routes)
            try await services(hangUps).run()
        } catch {
            await shutDown()
            throw error
        }
        await shutDown()
        logger.notice("ended")
    }

    private func services(_ hangUps: UnixSignalsSequence) -> ServiceGroup {
        ServiceGroup(
            services: [
                Serving(server: server, configuration: settings.configuration, logger: logger),
                Watching(
                    loader: loader,
                    interval: .seconds(settings.configuration.folderScanSeconds)
                ),
                Arriving(session: session, loader: loader),
                Publishing(folders: folders),
                Reloading(
                    signals: hangUps,
                    file: file,
                    session: session,
                    server: server,
                    loader: loader,
                    configuration: settings.configuration,
                    logger: logger
                ),
                Controlling(
                    stateDirectory: settings.configuration.stateDirectory,
                    handlers: handlers,
                    logger: logger
                ),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger.named("services")
        )
    }

    /// Of commands that ask the server, by their names.
    private var handlers: [String: Controlling.Handler] {
        let verification = Verification(
            store: store,
            root: settings.configuration.nfs.root
        ) { [session] infoHash, files, progress in
            try await session.verifyCache(of: infoHash, files: files, progress: progress)
        }
        let clients: Controlling.Handler = { [server] arguments, output in
            try await Clients.answer(arguments, server.clients(), output)
        }
        return [Verification.command: verification.run, Clients.command: clients]
    }

    private func shutDown() async {
        async let seed: Void = demo.shutdown()
        await session.shutdown()
        await seed
    }
}

extension SessionConfiguration {
    fileprivate init(_ configuration: Configuration) {
        self.init(cacheDirectory: configuration.cachePath)
        awaitsWishes = true
        listenHost = configuration.bitTorrent.address
        listenPort = UInt16(configuration.bitTorrent.port)
        listenPortCount = configuration.bitTorrent.portTries
        mapsPorts = configuration.bitTorrent.mapsPort
        settings = SessionSettings(configuration)
        idleTime = .seconds(configuration.bitTorrent.idleSeconds)
        seedRatio = configuration.bitTorrent.seedRatio
        seedTime = configuration.bitTorrent.seedMinutes.map { .seconds(60 * $0) }
        encryption = configuration.bitTorrent.encryption
        usesUTP = configuration.bitTorrent.usesUTP
        allowsLoopback = configuration.bitTorrent.allowsLoopback
        proxy = ProxyConfiguration(configuration.proxy)
        usesDHT = configuration.dht.isEnabled
        isDHTReadOnly = configuration.dht.isReadOnly
        dhtBootstrap = configuration.dht.bootstrap.compactMap { BootstrapName($0) }
        usesLocalDiscovery = configuration.findsPeersOnLocalNetwork
    }
}

extension SessionSettings {
    /// The part that a running session takes anew.
    init(_ configuration: Configuration) {
        self.init()
        rates = TransferRates(
            download: configuration.rates.download,
            upload: configuration.rates.upload
        )
        ratesPerTorrent = TransferRates(
            download: configuration.rates.downloadPerTorrent,
            upload: configuration.rates.uploadPerTorrent
        )
        cacheLimit = configuration.cacheSize == 0 ? nil : UInt64(configuration.cacheSize)
        for route in configuration.routes {
            cacheQuotas[route.name] = route.cacheSize.map { UInt64($0) }
        }
        peersPerTorrent = configuration.bitTorrent.peersPerTorrent
        connections.maximum = configuration.bitTorrent.connections
        connections.incomingPerHost = configuration.bitTorrent.connectionsPerAddress
        connections.halfOpen = configuration.bitTorrent.dialsAtOnce
        connections.dialsPerSecond = configuration.bitTorrent.dialsPerSecond
    }
}

extension NFSServerConfiguration {
    fileprivate init(_ configuration: Configuration) {
        self.init()
        addresses = [configuration.nfs.address]
        port = configuration.nfs.port
        registersWithRPCBind = configuration.nfs.usesRPCBind
        startsPortmapper = configuration.nfs.startsPortmapper
        limits.connections = OpenFileLimit.clients(beside: configuration.bitTorrent.connections)
        limits.connectionsPerHost = max(1, limits.connections / 2)
    }
}

extension Logger {
    /// The same, with the name of its part of the program.
    fileprivate func named(_ part: String) -> Logger {
        var logger = self
        logger[metadataKey: "part"] = "\(part)"
        return logger
    }
}
