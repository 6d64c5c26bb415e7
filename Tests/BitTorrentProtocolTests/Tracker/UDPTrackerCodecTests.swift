import TestSupport
import Testing

@testable import BitTorrentProtocol

@Suite struct UDPTrackerCodecTests {
    static func request() throws -> AnnounceRequest {
        AnnounceRequest(
            infoHash: try #require(InfoHash(bytes: [UInt8](repeating: 0xaa, count: 20))),
            peerID: try #require(PeerID(bytes: [UInt8](repeating: 0xbb, count: 20))),
            port: 6881,
            uploaded: 3,
            downloaded: 1,
            left: 2,
            event: .started,
            wantedPeerCount: 100,
            key: 0x0102_0304
        )
    }

    @Test func laysOutAConnect() {
        #expect(
            UDPTrackerRequest.connect.encode(transactionID: 0xdead_beef)
                == [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef]
        )
    }

    @Test func laysOutAnAnnounce() throws {
        let bytes = UDPTrackerRequest.announce(
            connectionID: 0x1122_3344_5566_7788,
            try Self.request(),
            urlData: nil
        ).encode(transactionID: 7)
        #expect(bytes.count == 98)
        #expect(bytes[0..<8].elementsEqual([0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]))
        #expect(bytes[8..<16].elementsEqual([0, 0, 0, 1, 0, 0, 0, 7]))
        #expect(bytes[16..<36].allSatisfy { $0 == 0xaa })
        #expect(bytes[36..<56].allSatisfy { $0 == 0xbb })
        #expect(
            bytes[56..<80].elementsEqual(
                [UInt8]([
                    0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3,
                ])
            )
        )
        #expect(
            bytes[80...].elementsEqual(
                [UInt8]([
                    0, 0, 0, 2, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 100, 0x1a, 0xe1,
                ])
            )
        )
    }

    @Test func sendsTheURLInPartsOfTwoHundredAndFiftyFiveBytes() throws {
        let data = "/a?" + String(repeating: "k", count: 300)
        let bytes = UDPTrackerRequest.announce(
            connectionID: 1,
            try Self.request(),
            urlData: data
        ).encode(transactionID: 7)
        #expect(bytes[98..<100].elementsEqual([2, 255]))
        #expect(bytes[355..<357].elementsEqual([2, 48]))
        #expect(Array(bytes[100..<355]) + Array(bytes[357...]) == Array(data.utf8))
    }

    @Test func scrapesSeventyFourTorrentsAtMost() throws {
        let hash = try Self.request().infoHash
        let bytes = UDPTrackerRequest.scrape(
            connectionID: 1,
            [InfoHash](repeating: hash, count: 100)
        ).encode(transactionID: 7)
        #expect(bytes.count == 16 + 74 * 20)
    }

    static let announced: [UInt8] =
        [0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 7, 8, 0, 0, 0, 3, 0, 0, 0, 4]
        + [1, 2, 3, 4, 0, 5, 6, 7, 8, 9, 0, 0, 10, 11, 12, 13, 0, 14]

    @Test func readsAnAnnounceResponse() throws {
        let packet = try #require(UDPTrackerPacket(decoding: Self.announced, isIPv6: false))
        guard case .announced(let response) = packet.body else {
            Issue.record("\(packet)")
            return
        }
        #expect(packet.transactionID == 7)
        #expect(response.interval == .seconds(1800))
        #expect(response.leecherCount == 3)
        #expect(response.seedCount == 4)
        #expect(response.peers.map(\.description) == ["1.2.3.4:5", "10.11.12.13:14"])
    }

    @Test func readsPeersOverIPv6WithAStrideOfEighteen() throws {
        let head = Array(Self.announced.prefix(20))
        let peer = try #require(PeerAddress("[2001:db8::1]:9"))
        let packet = UDPTrackerPacket(
            decoding: head + peer.compact + peer.compact + [1],
            isIPv6: true
        )
        guard case .announced(let response)? = packet?.body else {
            Issue.record("\(String(describing: packet))")
            return
        }
        #expect(response.peers == [peer, peer])
    }

    @Test func readsConnectScrapeAndError() {
        let connect: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8]
        #expect(
            UDPTrackerPacket(decoding: connect, isIPv6: false)?.body
                == .connected(connectionID: 0x0102_0304_0506_0708)
        )
        let scrape: [UInt8] = [0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9]
        #expect(
            UDPTrackerPacket(decoding: scrape, isIPv6: false)?.body
                == .scraped([.init(seedCount: 1, leecherCount: 3, completedCount: 2)])
        )
        let error: [UInt8] = [0, 0, 0, 3, 0, 0, 0, 7] + Array("not here".utf8)
        #expect(
            UDPTrackerPacket(decoding: error, isIPv6: false)?.body == .refused(reason: "not here")
        )
        let lines: [UInt8] = [0, 0, 0, 3, 0, 0, 0, 7] + Array("not\r\nhere\u{1b}".utf8)
        #expect(
            UDPTrackerPacket(decoding: lines, isIPv6: false)?.body
                == .refused(reason: "not  here ")
        )
    }

    @Test func ignoresShortPackets() {
        for count in 0..<20 {
            #expect(
                UDPTrackerPacket(decoding: Array(Self.announced.prefix(count)), isIPv6: false)
                    == nil
            )
        }
        for count in 20...Self.announced.count {
            #expect(
                UDPTrackerPacket(decoding: Array(Self.announced.prefix(count)), isIPv6: false)
                    != nil
            )
        }
        for count in 0..<16 {
            #expect(
                UDPTrackerPacket(decoding: [UInt8](repeating: 0, count: count), isIPv6: true)
                    == nil
            )
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 4)
        for number in 0..<100_000 {
            let bytes = mutator.mutate(Self.announced)
            guard
                case .announced(let response)? =
                    UDPTrackerPacket(decoding: bytes, isIPv6: number % 2 == 0)?.body
            else { continue }
            if response.peers.count > bytes.count / 6 { Issue.record("\(bytes)") }
        }
    }

    @Test func takesAnURLApart() {
        let plain = UDPTrackerURL("udp://tracker.example:6969/announce?key=a#b")
        #expect(plain?.host == "tracker.example")
        #expect(plain?.port == 6969)
        #expect(plain?.urlData == "/announce?key=a")
        #expect(UDPTrackerURL("UDP://1.2.3.4:80")?.urlData == nil)
        #expect(UDPTrackerURL("udp://[2001:db8::1]:80/")?.host == "2001:db8::1")
    }

    @Test(arguments: [
        "http://a:1", "udp://a", "udp://a:0", "udp://:80", "udp://a:99999", "udp://a b:1",
        "udp://[::1:80", "udp://u@a:80", "udp://[a]:80", "udp://",
    ])
    func refusesAnURL(_ text: String) {
        #expect(UDPTrackerURL(text) == nil)
    }
}
