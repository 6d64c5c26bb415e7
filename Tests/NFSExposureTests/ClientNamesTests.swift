import NFSProtocol
import NIOCore
import NIOPosix
import ONCRPC
import Synchronization
import Testing

@testable import NFSExposure

/// Exports that know a client by its name.
@Suite struct ClientNamesTests {
    private static let address = IPAddress(ipv4: 0x0a00_0001)

    @Test func whoHasTheNameMayMount() async throws {
        let exports = "/torrents/movies *.lan\n/torrents/other @players"
        try await withServer(exports: exports, names: ["kodi.lan"]) { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            #expect(try client.mountResult("/torrents/other") == .failure(.accessDenied))
            _ = try client.lookup("film.mkv", in: movies)
        }
        try await withServer(exports: exports, names: ["players"]) { server in
            let client = try server.client()
            _ = try client.mount("/torrents/other")
            #expect(try client.mountResult("/torrents/movies") == .failure(.accessDenied))
        }
    }

    @Test func namesAreKnownBeforeNewExportsCount() async throws {
        try await withServer(names: ["kodi.lan"]) { server in
            let client = try server.client()
            let movies = try client.mount("/torrents/movies")
            await server.server.replaceExports(try parseExports("/torrents *.lan"))
            _ = try client.lookup("film.mkv", in: movies)
            await server.server.replaceExports(try parseExports("/torrents *.org @kodi.lan"))
            _ = try client.lookup("film.mkv", in: movies)
            await server.server.replaceExports(try parseExports("/torrents *.org"))
            #expect(try client.attributes(movies) == .failure(.accessDenied))
        }
    }

    @Test func asksOnceForAllWhoComeFromAnAddress() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let answer = loop.makePromise(of: ClientHost.self)
        let count = Mutex(0)
        let names = ClientNames(source: { _, _, _ in
            count.withLock { $0 += 1 }
            return answer.futureResult
        })
        let exports = try parseExports("/torrents *.lan 10.9.0.0/16")
        let known = try #require(IPAddress("10.9.0.1"))
        try await names.learn(known, for: exports, on: loop).get()
        #expect(count.withLock { $0 } == 0)
        let learnt = (0..<10).map { _ in names.learn(Self.address, for: exports, on: loop) }
        #expect(names.mustAsk(Self.address, for: exports))
        let host = ClientHost(address: Self.address, names: ["a.lan"])
        answer.succeed(host)
        for each in learnt { try await each.get() }
        #expect(count.withLock { $0 } == 1)
        #expect(names.host(Self.address) == host)
        #expect(!names.mustAsk(Self.address, for: exports))
        // Of netgroups nobody has asked yet.
        let others = try parseExports("/torrents @players")
        #expect(names.mustAsk(Self.address, for: others))
    }

    @Test func whoseNameNobodyKnowsHasNone() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let time = Mutex(ContinuousClock.now)
        let names = ClientNames(
            source: { _, _, loop in
                loop.makeFailedFuture(ChannelError.connectTimeout(.seconds(5)))
            },
            now: { time.withLock { $0 } }
        )
        let exports = try parseExports("/torrents *.lan")
        try await names.learn(Self.address, for: exports, on: loop).get()
        #expect(names.host(Self.address) == ClientHost(address: Self.address))
        #expect(!names.mustAsk(Self.address, for: exports))
        time.withLock { $0 += .seconds(15) }
        #expect(names.mustAsk(Self.address, for: exports))
        await names.learn(anew: [Self.address], for: exports)
        #expect(names.host(Self.address) == ClientHost(address: Self.address))
    }

    @Test func thisMachineIsKnownByItsName() throws {
        let loopback = try #require(IPAddress("127.0.0.1"))
        let host = HostResolver.host(loopback, netgroups: ["no-such-netgroup"])
        #expect(host.names == ["localhost"] && host.netgroups.isEmpty)
        #expect(HostResolver.addresses()("localhost").contains(loopback))
        #expect(HostResolver.addresses(within: .zero)("localhost").isEmpty)
    }
}
