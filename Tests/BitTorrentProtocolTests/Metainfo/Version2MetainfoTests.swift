import Bencode
import BitTorrentProtocol
import Cryptography
import TestSupport
import Testing

@Suite struct Version2MetainfoTests {
    let torrent = Version2Torrent()

    private func read(_ item: BencodeItem, layers: BencodeItem? = nil) throws -> Metainfo {
        try Metainfo(parsing: torrent.metainfoBytes(item, layers: layers))
    }

    private func changed(_ path: [String], _ value: BencodeItem?) -> BencodeItem {
        changed(torrent.info, path[...], value)
    }

    private func changed(
        _ item: BencodeItem,
        _ path: ArraySlice<String>,
        _ value: BencodeItem?
    ) -> BencodeItem {
        guard case .dictionary(var entries) = item, let first = path.first else { return item }
        let key = Array(first.utf8)
        entries[key] =
            path.count == 1
            ? value : entries[key].map { changed($0, path.dropFirst(), value) }
        return .dictionary(entries)
    }

    @Test func readsTheFileTree() throws {
        let metainfo = try read(torrent.info)
        let info = metainfo.info
        #expect(info.version == .version2)
        #expect(!info.isSingleFile)
        #expect(
            info.files.map { $0.path.map { String(decoding: $0, as: UTF8.self) } }
                == torrent.files.map(\.path)
        )
        // Each file on a piece boundary; the empty one takes no room.
        #expect(info.files.map(\.offset) == [0, 70_000, 98_304, 131_072, 163_840])
        #expect(info.geometry.pieceCount == 7)
        #expect(info.geometry.totalLength == 203_840)
        #expect(info.geometry.contentLength == 142_868)
        let lengths = (0..<7).map { info.geometry.length(of: PieceIndex($0)) }
        #expect(lengths == [32768, 32768, 4464, 100, 32768, 32768, 7232])
        #expect(info.pieceHashes.isEmpty)
        let trees = try #require(info.hashTrees)
        #expect(trees.trees.map(\.file) == [0, 2, 3, 4])
        #expect((0..<7).map { trees.position(of: PieceIndex($0)) } == [0, 0, 0, 1, 2, 3, 3])
        #expect(metainfo.pieceLayers.count == 2)
    }

    @Test func hasTheCutHashOfVersion2AsItsName() throws {
        let metainfo = try read(torrent.info)
        let hash = SHA256.hash(BencodeEncoder.encode(torrent.info))
        #expect(metainfo.version2Hash?.bytes == hash)
        #expect(metainfo.infoHash.bytes == Array(hash.prefix(20)))
        #expect(metainfo.swarmHashes.all == [metainfo.infoHash])
    }

    @Test func knowsTheHashOfEveryPiece() throws {
        let metainfo = try read(torrent.info)
        var piece = 0
        for file in torrent.files {
            for start in stride(from: 0, to: file.bytes.count, by: 32768) {
                let bytes = file.bytes[start..<min(start + 32768, file.bytes.count)]
                let leaves = Array(bytes).withUnsafeBytes { MerkleTree.leaves(of: $0) }
                let index = PieceIndex(piece)
                let root = metainfo.info.merkleRoot(of: index, in: metainfo.pieceLayers)
                let hash = try #require(metainfo.info.hash(of: index, merkleRoot: root))
                #expect(hash.sha1 == nil)
                #expect(MerkleTree.root(of: leaves, width: hash.leafCount) == hash.merkleRoot)
                piece += 1
            }
        }
        #expect(piece == 7)
        #expect(metainfo.info.merkleRoot(of: PieceIndex(0), in: [:]) == nil)
        #expect(metainfo.info.merkleRoot(of: PieceIndex(3), in: [:]) != nil)
    }

    @Test func aTreeOfOneFileIsASingleFile() throws {
        var torrent = torrent
        torrent.files = [.init(["film.mkv"], 50_000)]
        let metainfo = try Metainfo(parsing: torrent.metainfoBytes(torrent.info))
        #expect(metainfo.info.isSingleFile)
        #expect(metainfo.info.name == Array("film.mkv".utf8))
        #expect(metainfo.info.files.map(\.path) == [[]])
    }

    @Test(arguments: [true, false])
    func readsAHybrid(hasTailPadding: Bool) throws {
        let item = torrent.hybridInfo(hasTailPadding: hasTailPadding)
        let metainfo = try read(item)
        let bytes = BencodeEncoder.encode(item)
        #expect(metainfo.info.version == .hybrid)
        #expect(metainfo.infoHash.bytes == SHA1.hash(bytes))
        #expect(metainfo.version2Hash?.bytes == SHA256.hash(bytes))
        #expect(metainfo.swarmHashes.all.count == 2)
        let geometry = metainfo.info.geometry
        #expect(geometry.totalLength == (hasTailPadding ? 229_376 : 203_840))
        // What is requested is content alone; padding is served to those who know only v1.
        #expect(geometry.length(of: PieceIndex(3)) == 100)
        #expect(geometry.servedLength(of: PieceIndex(3)) == 32768)
        #expect(geometry.servedLength(of: PieceIndex(6)) == (hasTailPadding ? 32768 : 7232))
        #expect(metainfo.info.hashTrees?.trees.map(\.file) == [0, 3, 5, 6])
        let hash = metainfo.info.hash(of: PieceIndex(3), merkleRoot: nil)
        #expect(hash?.paddingByteCount == 32768 - 100)
    }

    @Test func refusesHybridsThatDisagree() {
        func disagreeing(_ change: (inout [BencodeItem]) -> Void) -> BencodeItem {
            guard case .dictionary(var entries) = torrent.hybridInfo(hasTailPadding: true),
                case .list(var files)? = entries[Array("files".utf8)]
            else { return 0 }
            change(&files)
            entries[Array("files".utf8)] = .list(files)
            return .dictionary(entries)
        }
        let cases: [((inout [BencodeItem]) -> Void, MetainfoError)] = [
            ({ $0[0].set("path", to: ["A"]) }, .inconsistentVersions(file: 0)),
            ({ $0[0].set("length", to: 70_001) }, .inconsistentVersions(file: 0)),
            ({ $0[1].set("length", to: 1) }, .inconsistentVersions(file: 3)),
            ({ $0.remove(at: 1) }, .inconsistentVersions(file: 2)),
            ({ $0.swapAt(3, 5) }, .inconsistentVersions(file: 3)),
            ({ $0.removeLast(2) }, .inconsistentLayouts),
            ({ $0.append(["length": 1, "path": ["x"]]) }, .inconsistentLayouts),
            ({ $0[$0.count - 1].set("length", to: 1) }, .inconsistentLayouts),
        ]
        for (change, error) in cases {
            #expect(throws: error) { try read(disagreeing(change)) }
        }
    }

    @Test func refusesWhatIsNoFileTree() {
        let root = BencodeItem.string([UInt8](repeating: 1, count: 32))
        let deep = (0..<101).reduce(["": ["length": 0]] as BencodeItem) { item, _ in ["d": item] }
        let cases: [(BencodeItem, MetainfoError)] = [
            (changed(["file tree"], nil), .missingFileTree),
            (changed(["file tree"], []), .missingFileTree),
            (changed(["file tree"], [:]), .missingFileTree),
            (changed(["file tree"], ["": ["length": 0]]), .fileTreeIsFile),
            (changed(["file tree", "a"], 5), .malformedFile(0)),
            (changed(["file tree", "a", ""], 5), .malformedFile(0)),
            (
                changed(["file tree", "a", "x"], ["": ["length": 0]]),
                .fileWithSiblings(file: 0)
            ),
            (changed(["file tree", "a", "", "length"], -1), .malformedLength(file: 0)),
            (changed(["file tree", "a", "", "length"], nil), .malformedLength(file: 0)),
            (changed(["file tree", "a", "", "pieces root"], nil), .missingPiecesRoot(file: 0)),
            (changed(["file tree", "a", "", "pieces root"], "x"), .missingPiecesRoot(file: 0)),
            (
                changed(
                    ["file tree", "a", "", "pieces root"],
                    .string([UInt8](repeating: 0, count: 32))
                ), .missingPiecesRoot(file: 0)
            ),
            (changed(["file tree", "a", "", "attr"], "p"), .paddingInFileTree(file: 0)),
            (changed(["file tree", "z"], deep), .pathTooDeep(file: 5)),
            (
                changed(
                    ["file tree", "z"],
                    ["": ["length": .integer(1 << 48), "pieces root": root]]
                ),
                .totalTooLong
            ),
            (
                changed(
                    ["file tree", "z"],
                    ["": ["length": .integer(1 << 47), "pieces root": root]]
                ),
                .tooManyPieces(7 + 1 << 32)
            ),
            (changed(["file tree"], ["x": ["": ["length": 0]]]), .noContent),
            (changed(["piece length"], 40_000), .pieceLengthOutOfRange(40_000)),
            (changed(["piece length"], 8192), .pieceLengthOutOfRange(8192)),
            (changed(["piece length"], nil), .missingPieceLength),
            (changed(["meta version"], 3), .unknownMetaVersion(3)),
            (changed(["meta version"], nil), .missingMetaVersion),
            (changed(["name"], nil), .missingName),
        ]
        for (item, error) in cases {
            #expect(throws: error) {
                try TorrentInfo(parsingInfo: BencodeEncoder.encode(item))
            }
            #expect(!error.description.isEmpty)
        }
    }

    @Test func refusesAFileTreeOutOfOrder() {
        let leaf = "d0:d6:lengthi1e11:pieces root32:\(String(repeating: "r", count: 32))ee"
        func info(_ first: String, _ second: String) -> String {
            "d9:file treed1:\(first)\(leaf)1:\(second)\(leaf)e12:meta versioni2e4:name1:n"
                + "12:piece lengthi16384ee"
        }
        #expect(throws: Never.self) { try TorrentInfo(parsingInfo: Array(info("a", "b").utf8)) }
        #expect(throws: MetainfoError.unsortedFileTree) {
            try TorrentInfo(parsingInfo: Array(info("b", "a").utf8))
        }
    }

    @Test func refusesWrongPieceLayers() throws {
        let first = torrent.files[0]
        let layer = torrent.pieceLayer(first)
        let root = String(decoding: [0], as: UTF8.self)
        #expect(try read(torrent.info, layers: [:]).pieceLayers.isEmpty)
        let small = [torrent.root(torrent.files[2]): BencodeItem.string(layer)]
        let cases: [(BencodeItem, MetainfoError)] = [
            (5, .malformedPieceLayers),
            ([root: .string(layer)], .unknownPieceLayer),
            (.dictionary(small), .unknownPieceLayer),
            (
                .dictionary([torrent.root(first): .string(layer.dropLast(32))]),
                .wrongPieceLayer(file: 0)
            ),
            (
                .dictionary([torrent.root(first): .string(layer.reversed())]),
                .wrongPieceLayer(file: 0)
            ),
            (.dictionary([torrent.root(first): 7]), .wrongPieceLayer(file: 0)),
        ]
        for (layers, error) in cases {
            #expect(throws: error) { try read(torrent.info, layers: layers) }
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 52)
        let valid = torrent.metainfoBytes(torrent.hybridInfo(hasTailPadding: true))
        let plain = torrent.metainfoBytes(torrent.info)
        let alphabet = Array("dlei0123456789:-px".utf8)
        for round in 0..<20_000 {
            let bytes = mutator.mutate(
                round % 2 == 0 ? valid : plain,
                alphabet: round % 3 == 0 ? alphabet : []
            )
            guard let metainfo = try? Metainfo(parsing: bytes) else { continue }
            let geometry = metainfo.info.geometry
            var last: UInt64 = 0
            for file in metainfo.info.files {
                if file.offset < last || file.offset + file.length > geometry.totalLength {
                    Issue.record("\(bytes)")
                }
                last = file.offset
            }
            for number in 0..<min(geometry.pieceCount, 64) {
                _ = metainfo.info.merkleRoot(of: PieceIndex(number), in: metainfo.pieceLayers)
            }
        }
    }

    @Test func refusesEveryTruncation() {
        let bytes = torrent.metainfoBytes(torrent.info)
        for count in 0..<bytes.count {
            #expect(throws: MetainfoError.self) {
                try Metainfo(parsing: Array(bytes.prefix(count)))
            }
        }
    }
}
