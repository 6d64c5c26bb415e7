import BitTorrentProtocol
import NIOCore
import TestSupport
import Testing

@Suite struct ProxyHandshakeTests {
    let destination: ProxyDestination
    let credentials: ProxyCredentials

    init() throws {
        destination = try #require(ProxyDestination("tracker.example:6969"))
        credentials = try #require(ProxyCredentials(user: "Aladdin", password: "open sesame"))
    }

    func handshake(
        _ language: ProxyProtocol,
        _ credentials: ProxyCredentials? = nil
    )
        -> ProxyHandshake
    {
        ProxyHandshake(language, to: destination, credentials: credentials)
    }

    /// All that a proxy says in one run, and what is to be sent for it.
    static let socksAnswers: [UInt8] = [5, 2, 1, 0, 5, 0, 0, 1, 10, 0, 0, 1, 0x1f, 0x90]
    static let httpAnswer = Array("HTTP/1.1 200 OK\r\nVia: x\r\n\r\n".utf8)

    // MARK: Destinations

    @Test func destinationsAreNamesOrAddresses() throws {
        #expect(destination.host == .name("tracker.example"))
        #expect(ProxyDestination("1.2.3.4:5")?.host == .address([1, 2, 3, 4]))
        #expect(ProxyDestination("[::1]:5").map { "\($0)" } == "[::1]:5")
        #expect(ProxyDestination("::1:5").map { "\($0)" } == "[::1]:5")
        for text in ["", ":1", "a", "a:", "a:0", "a:65536", "a b:1", "a\r\n:1"] {
            #expect(ProxyDestination(text) == nil)
        }
        #expect(ProxyDestination(String(repeating: "a", count: 256) + ":1") == nil)
    }

    @Test func credentialsFitTheirFields() {
        #expect(credentials.basicAuthorization == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        #expect(ProxyCredentials(user: "", password: "x") == nil)
        #expect(ProxyCredentials(user: "a:b", password: "x") == nil)
        #expect(ProxyCredentials(user: "a", password: "x\r\n") == nil)
        #expect(
            ProxyCredentials(user: "a", password: String(repeating: "x", count: 256)) == nil
        )
    }

    // MARK: SOCKS5

    @Test func socksTellsTheNameAndThePassword() throws {
        var handshake = handshake(.socks5, credentials)
        #expect(handshake.greeting == [5, 2, 0, 2])
        var bytes = ByteBuffer(bytes: [5, 2] as [UInt8])
        let login = try handshake.received(&bytes)
        #expect(login == [1, 7] + Array("Aladdin".utf8) + [11] + Array("open sesame".utf8))
        bytes = ByteBuffer(bytes: [1, 0] as [UInt8])
        let request = try handshake.received(&bytes)
        #expect(
            request == [5, 1, 0, 3, 15] + Array("tracker.example".utf8) + [0x1b, 0x39]
        )
        // What follows the reply is left.
        bytes = ByteBuffer(bytes: [5, 0, 0, 3, 1, 0x61, 0, 1, 9, 9] as [UInt8])
        #expect(try handshake.received(&bytes) == [])
        #expect(handshake.isComplete)
        #expect(bytes.readableBytes == 2)
    }

    @Test func socksOffersNoPasswordThatItDoesNotHave() throws {
        var handshake = ProxyHandshake(
            .socks5,
            to: try #require(ProxyDestination("[2001:db8::1]:80")),
            credentials: nil
        )
        #expect(handshake.greeting == [5, 1, 0])
        var bytes = ByteBuffer(bytes: [5, 0] as [UInt8])
        let request = try handshake.received(&bytes)
        #expect(request.prefix(8) == [5, 1, 0, 4, 0x20, 1, 0x0d, 0xb8])
        #expect(request.count == 22)
    }

    @Test(arguments: [
        ([4, 0], ProxyError.malformed), ([5, 0xff], .wantsCredentials), ([5, 2], .malformed),
        ([5, 1], .malformed), ([5, 0, 5, 5, 0, 1, 0], .refused("the connection was refused")),
        ([5, 0, 5, 0, 0, 2, 0], .malformed), ([5, 0, 4], .malformed),
        (Array("HTTP/1.1 400".utf8), .malformed),
    ])
    func socksRefuses(answer: [UInt8], error: ProxyError) {
        var handshake = handshake(.socks5)
        var bytes = ByteBuffer(bytes: answer)
        #expect(throws: error) { try handshake.received(&bytes) }
    }

    @Test func socksKnowsAWrongPassword() {
        var handshake = handshake(.socks5, credentials)
        var bytes = ByteBuffer(bytes: [5, 2, 1, 1] as [UInt8])
        #expect(throws: ProxyError.wrongCredentials) { try handshake.received(&bytes) }
    }

    // MARK: HTTP

    @Test func httpConnectsAndLeavesWhatFollows() throws {
        var handshake = handshake(.http, credentials)
        #expect(
            String(decoding: handshake.greeting, as: UTF8.self)
                == "CONNECT tracker.example:6969 HTTP/1.1\r\nHost: tracker.example:6969\r\n"
                + "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
        )
        var bytes = ByteBuffer(bytes: Self.httpAnswer + [1, 2, 3])
        #expect(try handshake.received(&bytes) == [])
        #expect(handshake.isComplete)
        #expect(bytes.readableBytes == 3)
    }

    @Test(arguments: [
        ("HTTP/1.1 407 No\r\n\r\n", ProxyError.wantsCredentials),
        ("HTTP/1.0 403 No\r\n\r\n", .refused("it answers with HTTP status 403")),
        ("HTTP/1.1 20 No\r\n\r\n", .malformed), ("HTTP/1.1\r\n\r\n", .malformed),
        ("SSH-2.0", .malformed), ("HTTP/2 200 OK\n\n", .malformed),
    ])
    func httpRefuses(answer: String, error: ProxyError) {
        var handshake = handshake(.http)
        var bytes = ByteBuffer(string: answer)
        #expect(throws: error) { try handshake.received(&bytes) }
    }

    @Test func httpReadsNoEndlessHead() {
        var handshake = handshake(.http)
        let head = "HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 10_000)
        var bytes = ByteBuffer(string: head)
        #expect(throws: ProxyError.malformed) { try handshake.received(&bytes) }
    }

    // MARK: Streams

    @Test(arguments: ProxyProtocol.allCases)
    func bytesMayComeOneByOneOrEnd(language: ProxyProtocol) throws {
        let answer = language == .socks5 ? Self.socksAnswers : Self.httpAnswer
        var whole = handshake(language, credentials)
        var all = ByteBuffer(bytes: answer)
        let expected = try whole.received(&all)
        #expect(whole.isComplete)
        var dripped = handshake(language, credentials)
        var waiting = ByteBuffer()
        var sent: [UInt8] = []
        for (number, byte) in answer.enumerated() {
            // A truncation at any place completes nothing.
            #expect(!dripped.isComplete, "after \(number) bytes")
            waiting.writeInteger(byte)
            sent += try dripped.received(&waiting)
        }
        #expect(dripped.isComplete)
        #expect(sent == expected)
        #expect(waiting.readableBytes == 0)
    }

    @Test(arguments: ProxyProtocol.allCases)
    func neverCrashesOnDamagedAnswers(language: ProxyProtocol) {
        let answer = language == .socks5 ? Self.socksAnswers : Self.httpAnswer
        var mutator = Mutator(seed: 5)
        for _ in 0..<20_000 {
            var handshake = handshake(language, credentials)
            var bytes = ByteBuffer(bytes: mutator.mutate(answer))
            let count = bytes.readableBytes
            _ = try? handshake.received(&bytes)
            #expect(bytes.readableBytes <= count)
        }
    }
}
