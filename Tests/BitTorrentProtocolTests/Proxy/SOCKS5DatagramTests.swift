import BitTorrentProtocol
import NIOCore
import TestSupport
import Testing

@Suite struct SOCKS5DatagramTests {
    @Test func theHeaderSaysWhereTheDatagramGoes() throws {
        let ipv4 = try #require(ProxyDestination("1.2.3.4:6881"))
        #expect(SOCKS5Datagram.header(to: ipv4) == [0, 0, 0, 1, 1, 2, 3, 4, 0x1a, 0xe1])
        let name = try #require(ProxyDestination("a.b:80"))
        #expect(SOCKS5Datagram.header(to: name) == [0, 0, 0, 3, 3, 0x61, 0x2e, 0x62, 0, 80])
        let ipv6 = try #require(ProxyDestination("[2001:db8::1]:80"))
        #expect(SOCKS5Datagram.header(to: ipv6).count == 22)
    }

    @Test(arguments: ["1.2.3.4:6881", "[2001:db8::1]:80"])
    func whatComesBackNamesItsSource(text: String) throws {
        let address = try #require(PeerAddress(text))
        let header = SOCKS5Datagram.header(to: ProxyDestination(address))
        var bytes = ByteBuffer(bytes: header + [7, 8, 9])
        #expect(SOCKS5Datagram.source(consuming: &bytes) == address)
        #expect(Array(bytes.readableBytesView) == [7, 8, 9])
        for count in header.indices {
            var cut = ByteBuffer(bytes: header[..<count])
            #expect(SOCKS5Datagram.source(consuming: &cut) == nil)
        }
    }

    /// A fragment, a name, an unknown kind, port zero.
    @Test(
        arguments: [
            [0, 0, 1, 1, 1, 2, 3, 4, 0, 80], [0, 0, 0, 3, 1, 0x61, 0, 80],
            [0, 0, 0, 2, 1, 2, 3, 4, 0, 80],
            [0, 0, 0, 1, 1, 2, 3, 4, 0, 0],
        ] as [[UInt8]]
    )
    func dropsOthers(bytes: [UInt8]) {
        var bytes = ByteBuffer(bytes: bytes)
        #expect(SOCKS5Datagram.source(consuming: &bytes) == nil)
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 1928)
        for _ in 0..<20_000 {
            var bytes = ByteBuffer(bytes: mutator.mutate([0, 0, 0, 1, 1, 2, 3, 4, 0, 80, 9]))
            if SOCKS5Datagram.source(consuming: &bytes)?.port == 0 { Issue.record("port 0") }
        }
    }

    @Test func aRelayIsAskedForAndNamed() throws {
        let credentials = ProxyCredentials(user: "u", password: "p")
        var handshake = SOCKS5Handshake(relayingFor: credentials)
        #expect(handshake.greeting == [5, 2, 0, 2])
        var bytes = ByteBuffer(bytes: [5, 0])
        #expect(try handshake.received(&bytes) == [5, 3, 0, 1, 0, 0, 0, 0, 0, 0])
        bytes = ByteBuffer(bytes: [5, 0, 0, 1, 10, 0, 0, 1, 0x1f, 0x90])
        #expect(try handshake.received(&bytes) == [])
        #expect(handshake.isComplete)
        let relay = try #require(handshake.relay)
        #expect(relay.host == [10, 0, 0, 1] && relay.port == 8080)
    }

    @Test(
        arguments: [
            ([5, 7, 0, 1, 0, 0, 0, 0, 0, 0], ProxyError.refused("it knows no such command")),
            ([5, 0, 0, 1, 10, 0, 0, 1, 0, 0], .malformed),
            ([5, 0, 0, 3, 1, 0x61, 0, 1], .malformed),
        ] as [([UInt8], ProxyError)]
    )
    func aRelayMayBeRefused(reply: [UInt8], error: ProxyError) throws {
        var handshake = SOCKS5Handshake(relayingFor: nil)
        var bytes = ByteBuffer(bytes: [5, 0])
        _ = try handshake.received(&bytes)
        bytes = ByteBuffer(bytes: reply)
        #expect(throws: error) { try handshake.received(&bytes) }
    }
}
