import Bencode
import BitTorrentProtocol
import Testing

/// An info dictionary of one file in one piece, before a test spoils it.
func singleFileInfo() -> BencodeItem {
    [
        "name": "film.mkv", "length": 20_000, "piece length": 16_384,
        "pieces": .string([UInt8](repeating: 7, count: 40)),
    ]
}

func manyFilesInfo(_ files: [BencodeItem], pieceCount: Int = 1) -> BencodeItem {
    [
        "name": "library", "piece length": 16_384, "files": .list(files),
        "pieces": .string([UInt8](repeating: 7, count: 20 * pieceCount)),
    ]
}

func parse(_ info: BencodeItem) throws(MetainfoError) -> TorrentInfo {
    try TorrentInfo(parsingInfo: BencodeEncoder.encode(info))
}

@Suite struct MetainfoTests {
    @Test func readsASingleFile() throws {
        let info = try parse(singleFileInfo())
        #expect(info.name == Array("film.mkv".utf8))
        #expect(info.isSingleFile)
        #expect(info.files.count == 1)
        #expect(info.files[0].path.isEmpty)
        #expect(info.files[0].length == 20_000)
        #expect(info.geometry.pieceCount == 2)
        #expect(info.pieceHashes.count == 40)
        #expect(info.hash(of: PieceIndex(1)).elementsEqual([UInt8](repeating: 7, count: 20)))
        #expect(!info.isPrivate)
    }

    @Test func readsManyFilesInOrder() throws {
        let info = try parse(
            manyFilesInfo([
                ["length": 100, "path": ["b", "one"]], ["length": 0, "path": ["empty"]],
                ["length": 16_000, "path": ["a"]],
            ])
        )
        #expect(!info.isSingleFile)
        #expect(info.files.map(\.offset) == [0, 100, 100])
        #expect(info.files.map(\.length) == [100, 0, 16_000])
        #expect(info.files[0].path == [Array("b".utf8), Array("one".utf8)])
        #expect(info.geometry.totalLength == 16_100)
    }

    @Test func takesTheInfoHashOfTheBytesAsFound() throws {
        // Keys out of order, and a key that nobody knows.
        let hashes = String(repeating: "h", count: 20)
        let info = "d6:pieces20:\(hashes)4:name1:x1:zle12:piece lengthi16384e6:lengthi5ee"
        let metainfo = try Metainfo(parsing: Array("d4:info\(info)8:announce3:urle".utf8))
        #expect(metainfo.infoBytes == Array(info.utf8))
        #expect(metainfo.infoHash == InfoHash(ofInfoDictionary: Array(info.utf8)))
        #expect(metainfo.trackerTiers == [["url"]])
    }

    @Test func ignoresBytesAfterTheFile() throws {
        let bytes = BencodeEncoder.encode(["info": singleFileInfo()])
        let metainfo = try Metainfo(parsing: bytes + Array("\r\n".utf8))
        #expect(metainfo.infoHash == (try Metainfo(parsing: bytes)).infoHash)
    }

    @Test func readsAgainWhatWasKept() throws {
        let first = try Metainfo(parsing: BencodeEncoder.encode(["info": singleFileInfo()]))
        let again = try Metainfo(infoBytes: first.infoBytes, trackerTiers: [["u"]])
        #expect(again.infoHash == first.infoHash)
        #expect(again.info.geometry == first.info.geometry)
    }

    @Test func prefersValidUTF8Names() throws {
        var info = manyFilesInfo([
            ["length": 1, "path": [.string([0xe9])], "path.utf-8": ["é"]],
            ["length": 1, "path": ["good"], "path.utf-8": [.string([0xff])]],
            ["length": 1, "path.utf-8": ["only"]],
            ["length": 1, "path": ["kept"], "path.utf-8": 5],
        ])
        info.set("name.utf-8", to: "né")
        let parsed = try parse(info)
        #expect(parsed.name == Array("né".utf8))
        #expect(
            parsed.files.map { String(decoding: $0.path[0], as: UTF8.self) } == [
                "é", "good", "only", "kept",
            ]
        )
        info.set("name.utf-8", to: .string([0xff]))
        #expect(try parse(info).name == Array("library".utf8))
    }

    @Test func readsAttributes() throws {
        let info = try parse(
            manyFilesInfo([
                ["length": 1, "path": ["run"], "attr": "xhq"],
                ["length": 5, "path": [".pad", "5"], "attr": "p"],
                ["length": 5, "attr": "p"],
                ["length": 6, "path": [".pad", "6"]],
                ["length": 7, "path": ["_____padding_file_0_if you see this"]],
                ["length": 8, "path": [".pad", "readme"]],
                [
                    "length": 9, "path": ["link"], "attr": "l",
                    "symlink path": ["dir", "target"],
                ],
                ["path": ["dangling"], "attr": "l"],
            ])
        )
        #expect(
            info.files.map(\.attributes) == [
                [.executable, .hidden], .padding, .padding, .padding, .padding, [], .symlink,
                .symlink,
            ]
        )
        #expect(info.files.map(\.length) == [1, 5, 5, 6, 7, 8, 0, 0])
        #expect(info.files[6].symlinkTarget == [Array("dir".utf8), Array("target".utf8)])
        #expect(info.files[7].symlinkTarget == [])
        #expect(info.files[0].symlinkTarget == nil)
        #expect(info.geometry.totalLength == 32)
    }

    @Test func readsPrivate() throws {
        var info = singleFileInfo()
        info.set("private", to: 1)
        #expect(try parse(info).isPrivate)
        info.set("private", to: 0)
        #expect(try !parse(info).isPrivate)
    }

    @Test func readsTrackerTiers() throws {
        func tiers(_ item: BencodeItem) throws -> [[String]] {
            var item = item
            item.set("info", to: singleFileInfo())
            return try Metainfo(parsing: BencodeEncoder.encode(item)).trackerTiers
        }
        #expect(try tiers([:]) == [])
        #expect(try tiers(["announce": "a"]) == [["a"]])
        #expect(try tiers(["announce": "a", "announce-list": []]) == [["a"]])
        #expect(
            try tiers(["announce": "a", "announce-list": [["b", "c", "b"], [], "d", [5, "e"]]])
                == [["b", "c"], ["d"], ["e"]]
        )
        #expect(try tiers(["announce": .string([0xff])]) == [])
        #expect(try tiers(["announce": .text(String(repeating: "a", count: 3000))]) == [])
        let many = (0..<1000).map { BencodeItem.list([.text("t\($0)")]) }
        #expect(try tiers(["announce-list": .list(many)]).count == MetainfoLimits().trackerCount)
    }

    @Test func buildsWhatItReads() throws {
        var builder = MetainfoBuilder(
            name: "library",
            files: [
                .init(path: ["a", "b"], length: 20_000),
                .init(path: [".pad", "12768"], length: 12_768, attributes: "p"),
                .init(path: ["c"], length: 1),
            ],
            pieceLength: 16_384,
            pieceHashes: [UInt8](repeating: 3, count: 60),
            trackerTiers: [["http://a"], ["http://b", "http://c"]],
            creationDate: 1_700_000_000
        )
        let metainfo = try Metainfo(parsing: builder.metainfoBytes)
        #expect(metainfo.infoBytes == builder.infoBytes)
        #expect(metainfo.trackerTiers == builder.trackerTiers)
        #expect(metainfo.creationDate == 1_700_000_000)
        #expect(metainfo.info.files.map(\.length) == [20_000, 12_768, 1])
        #expect(metainfo.info.files[1].attributes == .padding)
        builder.files = [.init(path: [], length: 40_000)]
        builder.trackerTiers = [["http://a"]]
        builder.isPrivate = true
        let single = try Metainfo(parsing: builder.metainfoBytes)
        #expect(single.info.isSingleFile)
        #expect(single.info.isPrivate)
        #expect(single.trackerTiers == [["http://a"]])
    }

    @Test func readsAHundredThousandFiles() throws {
        let files = (0..<100_000).map { number -> BencodeItem in
            ["length": 16_384, "path": [.text("d\(number / 1000)"), .text("f\(number)")]]
        }
        let info = try parse(manyFilesInfo(files, pieceCount: 100_000))
        #expect(info.files.count == 100_000)
        #expect(info.files.last?.offset == 99_999 * 16_384)
    }
}
