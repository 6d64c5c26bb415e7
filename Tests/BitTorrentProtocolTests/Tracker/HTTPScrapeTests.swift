import Bencode
import BitTorrentProtocol
import TestSupport
import Testing

@Suite struct HTTPScrapeTests {
    let infoHash: InfoHash
    let answer: BencodeItem

    init() throws {
        infoHash = try #require(InfoHash(bytes: [UInt8](repeating: 0x41, count: 20)))
        answer = [
            "files": [
                String(repeating: "A", count: 20): [
                    "complete": 5, "downloaded": 50, "incomplete": 10,
                ],
                String(repeating: "B", count: 20): ["complete": 1, "incomplete": 2],
            ]
        ]
    }

    /// T-34: the examples of BEP 48.
    @Test(arguments: [
        ("http://example.com/announce", "http://example.com/scrape?"),
        ("http://example.com/x/announce", "http://example.com/x/scrape?"),
        ("http://example.com/announce.php", "http://example.com/scrape.php?"),
        ("http://example.com/announce?x2%0644", "http://example.com/scrape?x2%0644&"),
        ("https://example.com/announce#a", "https://example.com/scrape?"),
    ])
    func asksWhereTheAnnounceURLLeads(announce: String, start: String) {
        let field = "info_hash=" + String(repeating: "A", count: 20)
        #expect(
            HTTPTrackerCodec.scrapeURL(announce: announce, infoHash: infoHash) == start + field
        )
    }

    @Test(arguments: [
        "http://example.com/a", "http://example.com/announce?x=2/4",
        "http://example.com/x%064announce", "http://example.com/announce/key", "announce",
        "udp://example.com:1/announce", "http://a b/announce", "",
    ])
    func asksNobodyElse(announce: String) {
        #expect(HTTPTrackerCodec.scrapeURL(announce: announce, infoHash: infoHash) == nil)
    }

    @Test func readsAnAnswer() throws {
        let bytes = BencodeEncoder.encode(answer)
        #expect(
            try HTTPTrackerCodec.swarmSize(of: infoHash, parsing: bytes)
                == SwarmSize(seedCount: 5, leecherCount: 10, completedCount: 50)
        )
        let other = try #require(InfoHash(bytes: [UInt8](repeating: 0x42, count: 20)))
        #expect(
            try HTTPTrackerCodec.swarmSize(of: other, parsing: bytes)
                == SwarmSize(seedCount: 1, leecherCount: 2)
        )
        let unknown = InfoHash(ofInfoDictionary: [])
        #expect(try HTTPTrackerCodec.swarmSize(of: unknown, parsing: bytes) == nil)
    }

    @Test func refusesNonsense() throws {
        let key = String(repeating: "A", count: 20)
        let items: [(BencodeItem, AnnounceError)] = [
            (["failure reason": "no"], .refused(reason: "no", retry: nil)),
            ([:], .malformed(key: "files")), (["files": 1], .malformed(key: "files")),
            ([1], .notDictionary),
            (["files": [key: ["complete": -1, "incomplete": 0]]], .malformed(key: "files")),
            (["files": [key: ["complete": 1]]], .malformed(key: "files")),
            (
                ["files": [key: ["complete": 1, "incomplete": .integer(1 << 32)]]],
                .malformed(key: "files")
            ),
        ]
        for (item, error) in items {
            #expect(throws: error) {
                try HTTPTrackerCodec.swarmSize(
                    of: infoHash,
                    parsing: BencodeEncoder.encode(item)
                )
            }
        }
        let bytes = BencodeEncoder.encode(answer)
        for count in 0..<bytes.count {
            #expect(throws: AnnounceError.self) {
                try HTTPTrackerCodec.swarmSize(of: infoHash, parsing: Array(bytes[..<count]))
            }
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 48)
        let bytes = BencodeEncoder.encode(answer)
        for _ in 0..<20_000 {
            let size = try? HTTPTrackerCodec.swarmSize(of: infoHash, parsing: mutator.mutate(bytes))
            if let size, size.seedCount < 0 || size.leecherCount < 0 { Issue.record("\(size)") }
        }
    }

    /// BEP 24.
    @Test(
        arguments: [
            ([1, 2, 3, 4], [1, 2, 3, 4]),
            ([UInt8](repeating: 9, count: 16), [UInt8](repeating: 9, count: 16)),
            ([1, 2, 3], nil), ([], nil),
        ] as [([UInt8], [UInt8]?)]
    )
    func hearsWhereTheTrackerSeesUs(host: [UInt8], expected: [UInt8]?) throws {
        let item: BencodeItem = ["peers": "", "external ip": .string(host)]
        let response = try HTTPTrackerCodec.response(parsing: BencodeEncoder.encode(item))
        #expect(response.ownHost == expected)
    }
}
