import BitTorrentProtocol
import Logging
import NIOCore
import StateStore
import TorrentEngine
import VirtualTree

/// Seeds the sample library from a session of its own, over the loopback interface.
actor DemoSeed {
    private struct Seeding {
        let session: Session
        let metainfo: Metainfo
        let address: PeerAddress?
    }

    private enum State {
        case idle
        case seeding(Seeding)
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

    /// Sees to it that `session` has the torrent and knows where the seed is, which is made the
    /// first time.
    func start(for session: Session) async throws -> InfoHash {
        let seeding: Seeding
        switch state {
        case .ended: throw Ended()
        case .seeding(let known): seeding = known
        case .idle:
            seeding = try await seed(SampleLibrary())
            state = .seeding(seeding)
        }
        let infoHash = seeding.metainfo.infoHash
        // Both do nothing where it is known already.
        _ = try await session.add(seeding.metainfo, addedTime: Int64(Timestamp.now.seconds))
        await session.addPeers(infoHash, seeding.address.map { [$0] } ?? [])
        return infoHash
    }

    private func seed(_ library: SampleLibrary) async throws -> Seeding {
        let metainfo = try Metainfo(parsing: library.metainfoBytes)
        var configuration = SessionConfiguration(cacheDirectory: "\(directory)/cache")
        configuration.listenHost = "127.0.0.1"
        configuration.listenPort = 0
        let session = try Session(
            configuration: configuration,
            store: try StateStore(directory: directory),
            group: group,
            logger: logger
        )
        do {
            let port = try await session.start()
            let content = ByteBuffer(bytes: library.bytes)
            _ = try await session.addSeed(
                metainfo,
                addedTime: Int64(Timestamp.now.seconds)
            ) { range in
                content.getSlice(at: Int(range.lowerBound), length: range.count) ?? ByteBuffer()
            }
            return Seeding(
                session: session,
                metainfo: metainfo,
                address: PeerAddress(host: [127, 0, 0, 1], port: port)
            )
        } catch {
            await session.shutdown()
            throw error
        }
    }

    func shutdown() async {
        defer { state = .ended }
        if case .seeding(let seeding) = state { await seeding.session.shutdown() }
    }
}
