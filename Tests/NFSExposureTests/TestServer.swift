import Logging
import NFSExposure
import NFSProtocol
import NIOCore
import NIOPosix
import Testing

/// A server on a loopback port over a fake tree.
///
/// ```
/// movies/  film.mkv (300,003 bytes)  stalled.mkv (1 MiB, nothing verified)  empty.txt  Amélie.mkv
/// other/   readme.txt
/// ```
struct TestServer {
    let server: NFSServer
    let port: Int
    let tree: FakeTree
    let movies: FakeDirectory
    let film: FakeFile
    let stalled: FakeFile

    static let key = [UInt8](0..<16)

    func client(timeout: Int = 120) throws -> RPCClient {
        try RPCClient(port: port, timeout: timeout)
    }
}

func parseExports(_ text: String) throws -> ExportTable {
    try ExportFile.parse(text.utf8, file: "exports", resolve: { _ in [] }).table
}

/// Runs `body` against a server, and stops the server.
///
/// - Parameter names: those that every client has; in netgroups of these names it is, too.
func withServer(
    exports: String = "/torrents *",
    limits: NFSLimits = NFSLimits(),
    udp: Bool = false,
    names: [String] = [],
    tree: FakeTree = FakeTree(),
    _ body: (TestServer) async throws -> Void
) async throws {
    let movies = tree.addDirectory("movies", route: 1)
    let other = tree.addDirectory("other", route: 2)
    let film = tree.addFile(
        Array("film.mkv".utf8),
        index: 0,
        bytes: (0..<300_003).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) },
        to: movies
    )
    let stalled = tree.addFile(
        Array("stalled.mkv".utf8),
        index: 1,
        bytes: (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) },
        verified: 0,
        to: movies
    )
    tree.addFile(Array("empty.txt".utf8), index: 2, bytes: [], to: movies)
    tree.addFile(Array("Am\u{e9}lie.mkv".utf8), index: 3, bytes: [1, 2, 3], to: movies)
    tree.addFile(Array("readme.txt".utf8), index: 4, bytes: [4], to: other)

    var configuration = NFSServerConfiguration()
    configuration.addresses = ["127.0.0.1"]
    configuration.port = 0
    configuration.registersWithRPCBind = false
    configuration.servesUDP = udp
    configuration.limits = limits
    if limits.waitPolicy == nil {
        // On a machine with other work a test may take its time while its READs wait.
        configuration.limits.waitPolicy = ReadWaitPolicy(stallTimeout: .seconds(3600))
    }
    configuration.clientNames = { address, netgroups, loop in
        let known = netgroups.intersection(names)
        let host = ClientHost(address: address, names: names, netgroups: known)
        return loop.makeSucceededFuture(host)
    }
    let codec = try #require(FileHandleCodec(key: TestServer.key))
    var logger = Logger(label: "nfs", factory: { _ in SwiftLogNoOpLogHandler() })
    logger.logLevel = .critical
    let server = NFSServer(
        configuration: configuration,
        tree: tree,
        handles: codec,
        exports: try parseExports(exports),
        group: MultiThreadedEventLoopGroup.singleton,
        logger: logger
    )
    let port = try #require(try await server.start().first?.port)
    do {
        try await body(
            TestServer(
                server: server,
                port: port,
                tree: tree,
                movies: movies,
                film: film,
                stalled: stalled
            )
        )
    } catch {
        await server.stop()
        throw error
    }
    await server.stop()
}

/// Waits for what another thread is about to do.
func eventually(_ condition: () -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(120)
    while !condition() {
        if ContinuousClock.now > end { return false }
        await Task.yield()
    }
    return true
}
