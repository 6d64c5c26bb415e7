import BitTorrentProtocol
import Logging
import NIOCore
import NIOPosix
import StateStore
import Testing

@testable import TorrentEngine

/// A session on loopback with a state and a cache directory.
struct Node: Sendable {
    static let group = MultiThreadedEventLoopGroup.singleton
    static var loop: any EventLoop { group.next() }

    let session: Session
    let port: UInt16
    private let directory: TemporaryDirectory

    init(
        _ directory: TemporaryDirectory,
        configure: (inout SessionConfiguration) -> Void = { _ in }
    ) async throws {
        self.directory = directory
        var configuration = SessionConfiguration(cacheDirectory: "\(directory.path)/cache")
        configuration.listenHost = "127.0.0.1"
        configuration.listenPort = 0
        configuration.allowsLoopback = true
        // On a machine with other work an answer may take its time and is good nevertheless.
        configuration.connectTimeout = .seconds(60)
        configuration.announceTimeout = .seconds(600)
        configuration.farewellTimeout = .seconds(60)
        configure(&configuration)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        session = try Session(
            configuration: configuration,
            store: try StateStore(directory: "\(directory.path)/state"),
            group: Self.group,
            logger: logger
        )
        port = try await session.start()
    }

    var address: PeerAddress {
        get throws { try #require(PeerAddress(host: [127, 0, 0, 1], port: port)) }
    }
}

extension RegisteredTorrent {
    /// Reads as an exposure does: tells of the read, waits for the bytes, takes them.
    func bytes(_ range: Range<UInt64>, of sample: Sample) async throws -> ByteBuffer {
        noteRead(range, of: 0, by: 1)
        let news = AsyncStream<Availability>.makeStream()
        let token = wait(for: range) { news.continuation.yield($0) }
        defer { endWait(token) }
        for await availability in news.stream {
            guard case .verified(let count) = availability else { throw Failure(availability) }
            if count == UInt64(range.count) { break }
        }
        var bytes = ByteBuffer()
        if try readIfCached(range, into: &bytes) { return bytes }
        return try await read(range, on: Node.group.next()).get()
    }

    /// Whether every piece is here; warms the torrent.
    var isComplete: Bool { get async { await warmed()?.published.isComplete ?? false } }

    struct Failure: Error {
        let availability: Availability
        init(_ availability: Availability) { self.availability = availability }
    }
}

/// Runs `body`, but not for ever: so long that a machine with other work is no reason to fail.
func withTimeLimit<Value: Sendable>(
    _ limit: Duration = .seconds(900),
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup { group in
        group.addTask { try await body() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw TimeLimitReached()
        }
        defer { group.cancelAll() }
        let first = try await group.next()
        return try #require(first)
    }
}

struct TimeLimitReached: Error {}

extension HTTPPatience {
    /// For servers of tests, which answer.
    static let endless = HTTPPatience(
        connecting: .seconds(3600),
        reading: .seconds(3600),
        webSeed: .seconds(3600)
    )
}

/// Waits for what others are about to do, within the time limit of the test.
func until(_ condition: () throws -> Bool) async throws {
    while try !condition() {
        try Task.checkCancellation()
        await Task.yield()
    }
}
