import BitTorrentProtocol
import Logging
import NIOCore
import StateStore
import TorrentEngine
import VirtualTree

/// Seeds the sample library from a session of its own, over the loopback interface.
actor DemoSeed {
    /// Starts to leave the event loop free, and to end with the program.
    private enum State {
        case idle
        case seeding(Session, InfoHash)
        case ended
    }

    struct Ended: Error, CustomStringConvertible {
        var description: String { "the program ends" }
    }

    private let directory: String
    private let group: any EventLoopGroup
    private let logger: Logger
    private var state = State.idle

    /// - Parameter directory: for the seed's own state and cache.
    init(directory: String, group: any EventLoopGroup, logger: Logger) {
        self.directory = directory
        self.group = group
        self.logger = logger
    }

    /// Adds the torrent to `session` and tells it where the seed is; makes both the first time.
    func start(for session: Session) async throws -> InfoHash {
        switch state {
        case .seeding(_, let infoHash): return infoHash
        case .ended: throw Ended()
        case .idle: break
        }
        let library = SampleLibrary()
        let metainfo = try Metainfo(parsing: library.metainfoBytes)
        let now = Int64(Timestamp.now.seconds)
        var configuration = SessionConfiguration(cacheDirectory: "\(directory)/cache")
        configuration.listenHost = "127.0.0.1"
        configuration.listenPort = 0
        let seed = try Session(
            configuration: configuration,
            store: try StateStore(directory: directory),
            group: group,
            logger: logger
        )
        do {
            let port = try await seed.start()
            let content = ByteBuffer(bytes: library.bytes)
            _ = try await seed.addSeed(metainfo, addedTime: now) { range in
                content.getSlice(at: Int(range.lowerBound), length: range.count) ?? ByteBuffer()
            }
            _ = try await session.add(metainfo, addedTime: now)
            let address = PeerAddress(host: [127, 0, 0, 1], port: port)
            await session.addPeers(metainfo.infoHash, address.map { [$0] } ?? [])
        } catch {
            await seed.shutdown()
            throw error
        }
        state = .seeding(seed, metainfo.infoHash)
        return metainfo.infoHash
    }

    func shutdown() async {
        defer { state = .ended }
        if case .seeding(let session, _) = state { await session.shutdown() }
    }
}
