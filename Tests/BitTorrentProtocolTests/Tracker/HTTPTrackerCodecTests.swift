import Bencode
import BitTorrentProtocol
import TestSupport
import Testing

@Suite struct HTTPTrackerCodecTests {
    func request() throws -> AnnounceRequest {
        AnnounceRequest(
            infoHash: try #require(InfoHash(bytes: [0, 0x41, 0x7e, 0x20, 0xff] + (5..<20))),
            peerID: try #require(PeerID(bytes: Array("-SL0100-abcdefghijk/".utf8))),
            port: 6881,
            uploaded: 1,
            downloaded: 2,
            left: .max,
            event: .started,
            wantedPeerCount: 50,
            key: 0xabc,
            trackerID: Array("a b".utf8)
        )
    }

    func response(_ item: BencodeItem) throws(AnnounceError) -> AnnounceResponse {
        try HTTPTrackerCodec.response(parsing: BencodeEncoder.encode(item))
    }

    // MARK: Request

    @Test func writesTheQuery() throws {
        let url = try HTTPTrackerCodec.url(
            announce: "http://tracker.example:80/announce",
            request: try request()
        )
        #expect(
            url == "http://tracker.example:80/announce"
                + "?info_hash=%00A~%20%FF%05%06%07%08%09%0A%0B%0C%0D%0E%0F%10%11%12%13"
                + "&peer_id=-SL0100-abcdefghijk%2F&port=6881&uploaded=1&downloaded=2"
                + "&left=18446744073709551615&compact=1&no_peer_id=1&numwant=50&key=00000ABC"
                + "&event=started&trackerid=a%20b"
        )
    }

    @Test func leavesOutWhatIsNotThere() throws {
        var request = try request()
        request.event = nil
        request.trackerID = nil
        let url = try HTTPTrackerCodec.url(announce: "https://t/a", request: request)
        #expect(!url.contains("event"))
        #expect(!url.contains("trackerid"))
    }

    @Test(arguments: [
        ("http://t/a?pass=1", "http://t/a?pass=1&info_hash="),
        ("http://t/a?", "http://t/a?info_hash="), ("http://t/a?x&", "http://t/a?x&info_hash="),
        ("HTTP://t/a#top", "HTTP://t/a?info_hash="),
        ("http://[::1]:80/a", "http://[::1]:80/a?info_hash="),
        ("http://t/a%20b", "http://t/a%20b?info_hash="),
    ])
    func keepsTheQueryOfTheURL(announce: String, start: String) throws {
        let url = try HTTPTrackerCodec.url(announce: announce, request: try request())
        #expect(url.hasPrefix(start))
    }

    @Test(arguments: [
        "", "t/a", "udp://t:80", "file:///etc/passwd", "http://", "http:///a", "http://?a",
        "http://t/a b", "http://t/a\r\nHost: x", "http://t/\u{e9}", "http://t/\u{0}", "#",
    ])
    func refusesOtherURLs(announce: String) throws {
        let request = try request()
        #expect(throws: AnnounceError.invalidURL) {
            try HTTPTrackerCodec.url(announce: announce, request: request)
        }
    }

    // MARK: Response

    @Test func readsACompactResponse() throws {
        let answer = try response([
            "interval": 1800, "min interval": 60, "complete": 3, "incomplete": -1,
            "tracker id": "id", "warning message": "slow\u{7}down",
            "peers": .string([1, 2, 3, 4, 0x1a, 0xe1, 5, 6, 7, 8, 0, 0]),
            "peers6": .string([0x20, 1] + [UInt8](repeating: 0, count: 13) + [1, 0, 80]),
        ])
        #expect(answer.peers.map(\.description) == ["1.2.3.4:6881", "[2001::1]:80"])
        #expect(answer.interval == .seconds(1800))
        #expect(answer.minimumInterval == .seconds(60))
        #expect(answer.seedCount == 3)
        #expect(answer.leecherCount == nil)
        #expect(answer.trackerID == Array("id".utf8))
        #expect(answer.warning == "slow down")
    }

    @Test func readsADictionaryResponse() throws {
        let answer = try response([
            "peers": [
                ["ip": "1.2.3.4", "port": 1, "peer id": "x"], ["ip": "::1", "port": 2],
                ["ip": "peer.example", "port": 3], ["ip": "9.9.9.9", "port": 0],
                ["ip": "999.9.9.9", "port": 4], ["ip": "a\nb", "port": 5],
            ]
        ])
        #expect(answer.peers.map(\.description) == ["1.2.3.4:1", "[::1]:2"])
        #expect(answer.namedPeers.map(\.hostName) == ["peer.example"])
        #expect(answer.interval == nil)
    }

    @Test func readsAnEmptyResponse() throws {
        #expect(try response([:]) == AnnounceResponse())
        #expect(try response(["peers": ""]).peers.isEmpty)
        #expect(try response(["peers": []]).peers.isEmpty)
    }

    @Test func readsARefusal() {
        func refused(_ retry: BencodeItem?, _ expected: AnnounceError.Retry?) {
            var item: BencodeItem = ["failure reason": "unregistered", "peers": 5]
            item.set("retry in", to: retry)
            #expect(throws: AnnounceError.refused(reason: "unregistered", retry: expected)) {
                try response(item)
            }
        }
        refused(nil, nil)
        refused(5, .after(.seconds(300)))
        refused("5", .after(.seconds(300)))
        refused("never", .never)
        refused("soon", nil)
        refused(-1, nil)
        refused(.integer(.max), .after(.seconds(7 * 24 * 3600)))
        #expect(throws: AnnounceError.refused(reason: "", retry: nil)) {
            try response(["failure reason": 5])
        }
    }

    @Test(
        arguments: [
            (["peers": 5], "peers"), (["peers": "12345"], "peers"), (["peers": [:]], "peers"),
            (["peers": [5]], "peers"), (["peers": [["ip": "1.2.3.4"]]], "peers"),
            (["peers": [["ip": "1.2.3.4", "port": 65536]]], "peers"),
            (["peers": [["ip": "", "port": 1]]], "peers"),
            (["peers6": "123456"], "peers6"), (["peers6": []], "peers6"),
            (["interval": -1], "interval"), (["interval": "x"], "interval"),
            (["min interval": []], "min interval"), (["complete": "x"], "complete"),
            (["tracker id": 5], "tracker id"),
            (["tracker id": .string([UInt8](repeating: 1, count: 2000))], "tracker id"),
        ] as [(BencodeItem, String)]
    )
    func refusesNonsense(item: BencodeItem, key: String) {
        #expect(throws: AnnounceError.malformed(key: key)) { try response(item) }
    }

    @Test func refusesWhatIsNoDictionary() {
        #expect(throws: AnnounceError.notDictionary) { try response([]) }
        #expect(throws: AnnounceError.notBencode(BencodeError(.unexpectedByte(0x3c), at: 0))) {
            try HTTPTrackerCodec.response(parsing: Array("<html>".utf8))
        }
    }

    @Test func boundsTheResponse() throws {
        let million = BencodeEncoder.encode(["peers": .string(.init(repeating: 1, count: 1 << 20))])
        #expect(throws: AnnounceError.self) { try HTTPTrackerCodec.response(parsing: million) }
        let deep = Array(String(repeating: "l", count: 33).utf8)
        #expect(throws: AnnounceError.notBencode(BencodeError(.tooDeep, at: 32))) {
            try HTTPTrackerCodec.response(parsing: deep)
        }
        let many = try response(["peers": .string(.init(repeating: 1, count: 60_000))])
        #expect(many.peers.count == HTTPTrackerCodec.maximumPeerCount)
        #expect(try response(["interval": .integer(.max)]).interval == .seconds(7 * 24 * 3600))
        let crowd = try response(["complete": .integer(.max), "incomplete": .integer(.max)])
        #expect(crowd.seedCount == nil && crowd.leecherCount == nil)
        let most = Int64(UInt32.max)
        let large = try response(["complete": .integer(most), "incomplete": .integer(most)])
        #expect(large.swarmSize?.peerCount == 2 * Int(most))
        let warning = String(repeating: "w", count: 100_000)
        #expect(try response(["warning message": .text(warning)]).warning?.utf8.count == 1024)
    }

    @Test func refusesEveryTruncation() {
        let bytes = BencodeEncoder.encode([
            "interval": 1800, "peers": .string([1, 2, 3, 4, 5, 6]),
        ])
        for count in 0..<bytes.count {
            #expect(throws: AnnounceError.self) {
                try HTTPTrackerCodec.response(parsing: Array(bytes.prefix(count)))
            }
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 7)
        let valid: [[UInt8]] = [
            [
                "interval": 1800, "complete": 3, "tracker id": "id",
                "peers": .string([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
                "peers6": .string([UInt8](repeating: 9, count: 18)),
            ],
            ["interval": 1, "peers": [["ip": "1.2.3.4", "port": 1], ["ip": "::1", "port": 20]]],
            ["failure reason": "no", "retry in": "never"],
        ].map { (item: BencodeItem) in BencodeEncoder.encode(item) }
        let alphabet = Array("dlei0123456789:-".utf8)
        for round in 0..<100_000 {
            let bytes = mutator.mutate(
                valid[round % valid.count],
                alphabet: round % 2 == 0 ? alphabet : []
            )
            guard let answer = try? HTTPTrackerCodec.response(parsing: bytes) else { continue }
            if answer.peers.contains(where: { $0.port == 0 }) { Issue.record("\(bytes)") }
        }
    }
}
