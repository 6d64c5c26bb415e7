import Bencode
import BitTorrentProtocol
import TestSupport
import Testing

@Suite struct WebSeedTests {
    let infoHash = InfoHash(ofInfoDictionary: [1])

    func seed(_ url: String, _ style: WebSeed.Style = .getRight) throws -> WebSeed {
        try #require(WebSeed(url, style: style))
    }

    /// Two pieces of 16 KiB: a file, padding up to the second piece, a file of two components.
    var paddedInfo: TorrentInfo {
        get throws {
            try parse(
                manyFilesInfo(
                    [
                        ["length": 10_000, "path": ["a & b", "100%.bin"]],
                        ["length": 6384, "path": [".pad", "6384"], "attr": "p"],
                        ["length": 5, "path": [.string([0xe9, 0x2f])]],
                    ],
                    pieceCount: 2
                )
            )
        }
    }

    func requests(_ parts: [WebSeedPart]) -> [WebSeedRequest] {
        parts.compactMap { if case .request(let request) = $0 { request } else { nil } }
    }

    // MARK: Metainfo

    @Test func metainfoNamesWebSeedsOfBothKindsOnce() throws {
        let top: BencodeItem = [
            "httpseeds": ["http://h/seed"], "info": singleFileInfo(),
            "url-list": [
                "http://a/", "http://a/", "ftp://b/", "https://c/x y", "", 7, "http://a\n",
            ],
        ]
        let metainfo = try Metainfo(parsing: BencodeEncoder.encode(top))
        #expect(
            metainfo.webSeeds == [
                try seed("http://a/"), try seed("https://c/x%20y"),
                try seed("http://h/seed", .hoffman),
            ]
        )
    }

    @Test func metainfoMayHaveABareURL() throws {
        let top: BencodeItem = ["info": singleFileInfo(), "url-list": "http://a/film"]
        let metainfo = try Metainfo(parsing: BencodeEncoder.encode(top))
        #expect(metainfo.webSeeds == [try seed("http://a/film")])
    }

    @Test func metainfoKeepsSoManyWebSeedsOnly() throws {
        let urls = (0..<1000).map { BencodeItem.text("http://\($0)/") }
        let top: BencodeItem = ["info": singleFileInfo(), "url-list": .list(urls)]
        let metainfo = try Metainfo(parsing: BencodeEncoder.encode(top))
        #expect(metainfo.webSeeds.count == MetainfoLimits().webSeedCount)
    }

    @Test(arguments: ["http://", "http:///x", "udp://a/", "http://a\r\nX: y", "a", "http://?x"])
    func refusesWhatIsNoURLOfHTTP(text: String) {
        #expect(WebSeed(text, style: .getRight) == nil)
    }

    @Test func saysNoSecretsInItsName() throws {
        #expect(try seed("http://user:word@host:8080/secret?key").name == "http://host:8080")
    }

    // MARK: URLs

    @Test func aSingleFileIsTheURLOrLiesBelowIt() throws {
        let info = try parse(singleFileInfo())
        for (url, expected) in [
            ("http://a/film", "http://a/film"), ("http://a/dir/", "http://a/dir/film.mkv"),
        ] {
            let parts = try seed(url).parts(of: 100..<300, info: info, infoHash: infoHash)
            let request = try #require(requests(parts).first)
            #expect(parts.count == 1)
            #expect(request.url == expected)
            #expect(request.range == 100..<300)
            #expect(request.resourceLength == 20_000)
            #expect(request.content == 100..<300)
            #expect(request.resource == 0..<20_000)
        }
    }

    @Test(arguments: ["http://a/dir", "http://a/dir/"])
    func filesLieBelowTheTorrentsNameAsRawBytes(url: String) throws {
        let info = try paddedInfo
        let parts = try seed(url).parts(of: 9000..<16_389, info: info, infoHash: infoHash)
        let requests = requests(parts)
        #expect(parts.count == 3)
        #expect(parts[1] == .zeros(6384))
        #expect(
            requests.map(\.url) == [
                "http://a/dir/library/a%20%26%20b/100%25.bin", "http://a/dir/library/%E9%2F",
            ]
        )
        #expect(requests.map(\.range) == [9000..<10_000, 0..<5])
        #expect(requests.map(\.content) == [9000..<10_000, 16_384..<16_389])
    }

    @Test func namesThatLeaveTheDirectoryAreNotAskedFor() throws {
        let info = try parse(manyFilesInfo([["length": 100, "path": ["..", "etc", "passwd"]]]))
        let parts = try seed("http://a/").parts(of: 10..<20, info: info, infoHash: infoHash)
        #expect(parts == [.unnamable(10, resource: 0..<100)])
    }

    @Test func everyByteOfARangeComesFromOnePart() throws {
        let info = try paddedInfo
        var generator = SystemRandomNumberGenerator()
        for style in [WebSeed.Style.getRight, .hoffman] {
            let seed = try seed("http://a/", style)
            for _ in 0..<500 {
                let start = UInt64.random(in: 0..<16_389, using: &generator)
                let end = UInt64.random(in: start + 1...16_389, using: &generator)
                var position = start
                for part in seed.parts(of: start..<end, info: info, infoHash: infoHash) {
                    switch part {
                    case .zeros(let count): position += UInt64(count)
                    case .unnamable(let count, _): position += UInt64(count)
                    case .request(let request):
                        #expect(request.content.lowerBound == position)
                        position = request.content.upperBound
                    }
                }
                #expect(position == end)
            }
        }
    }

    @Test func whatBelongsToNoFileIsZeros() throws {
        // As the pieces of version 2 lie: the second file begins at a piece.
        let files = [
            TorrentInfo.File(path: [[0x61]], length: 100, offset: 0, attributes: []),
            TorrentInfo.File(path: [[0x62]], length: 50, offset: 16_384, attributes: []),
        ]
        let info = TorrentInfo(
            name: [0x6e],
            isSingleFile: false,
            files: files,
            geometry: PieceGeometry(pieceLength: 16_384, totalLength: 16_434),
            pieceHashes: [UInt8](repeating: 0, count: 40),
            isPrivate: false
        )
        let parts = try seed("http://a/").parts(of: 90..<16_400, info: info, infoHash: infoHash)
        #expect(parts.count == 3)
        #expect(parts[1] == .zeros(16_284))
        #expect(requests(parts).map(\.range) == [90..<100, 0..<16])
    }

    @Test func aProgramIsAskedForPartsOfPieces() throws {
        let info = try parse(singleFileInfo())
        let seed = try seed("http://a/seed.php?id=1", .hoffman)
        let parts = seed.parts(of: 16_000..<17_000, info: info, infoHash: infoHash)
        let hash = infoHash.bytes.map { byte in
            let scalar = Character(Unicode.Scalar(byte))
            let isPlain =
                scalar.isASCII && (scalar.isLetter || scalar.isNumber || "-._~".contains(scalar))
            let digits = String(byte, radix: 16, uppercase: true)
            return isPlain ? String(scalar) : "%" + (digits.count == 1 ? "0" : "") + digits
        }.joined()
        #expect(
            requests(parts).map(\.url) == [
                "http://a/seed.php?id=1&info_hash=\(hash)&piece=0&ranges=16000-16383",
                "http://a/seed.php?id=1&info_hash=\(hash)&piece=1&ranges=0-615",
            ]
        )
        #expect(requests(parts).map(\.range) == [nil, nil])
    }
}

@Suite struct ContentRangeTests {
    @Test func readsRangeAndLength() {
        #expect(ContentRange("bytes 0-0/1")?.range == 0..<1)
        #expect(ContentRange("Bytes 5-9/*")?.resourceLength == nil)
        #expect(ContentRange("bytes 5-9/10")?.range == 5..<10)
        #expect(ContentRange("bytes 5-9/10")?.resourceLength == 10)
    }

    @Test(arguments: [
        "", "bytes", "bytes */10", "bytes 5-4/10", "bytes 5-10/10", "bytes -5/10", "bytes 5-/10",
        "bytes 0-18446744073709551615/*", "bytes 0-18446744073709551616/*", "bytes 0-1/1/1",
        "items 0-1/2", "bytes 0-1", "bytes +0-1/2", "bytes 0-1/ 2",
    ])
    func refusesWhatIsNone(text: String) { #expect(ContentRange(text) == nil) }

    @Test func neverCrashesOnDamagedText() {
        var mutator = Mutator(seed: 17)
        let valid = Array("bytes 123-456789/1234567890".utf8)
        for _ in 0..<20_000 {
            let text = String(decoding: mutator.mutate(valid), as: UTF8.self)
            if let range = ContentRange(text) {
                #expect(range.resourceLength.map { range.range.upperBound <= $0 } ?? true)
            }
            _ = RetryDelay(text)
            _ = WebSeed(text, style: .getRight)
        }
    }

    @Test func readsHowLongToWait() {
        #expect(RetryDelay(" 30\r\n")?.duration == .seconds(30))
        #expect(RetryDelay("999999999")?.duration == .seconds(3600))
        for text in ["", "-1", "1 2", "1.5", "soon", "99999999999999999999"] {
            #expect(RetryDelay(text) == nil)
        }
    }
}
