import Bencode
import BitTorrentProtocol
import TestSupport
import Testing

@Suite struct MetainfoRefusalTests {
    /// Keys to remove from a good info dictionary and keys to change, and what is then said.
    struct Fault: Sendable, CustomTestStringConvertible {
        let removed: [String]
        let changes: [String: BencodeItem]
        let error: MetainfoError

        init(
            without removed: [String] = [],
            _ changes: [String: BencodeItem],
            _ error: MetainfoError
        ) {
            self.removed = removed
            self.changes = changes
            self.error = error
        }

        var testDescription: String { "\(error)" }
    }

    static let faults: [Fault] = [
        Fault(without: ["name"], [:], .missingName),
        Fault(["name": 5], .missingName),
        Fault(without: ["piece length"], [:], .missingPieceLength),
        Fault(["piece length": "x"], .missingPieceLength),
        Fault(["piece length": 0], .pieceLengthOutOfRange(0)),
        Fault(["piece length": -16_384], .pieceLengthOutOfRange(-16_384)),
        Fault(["piece length": 16_383], .pieceLengthOutOfRange(16_383)),
        Fault(["piece length": .integer(1 << 29)], .pieceLengthOutOfRange(1 << 29)),
        Fault(["piece length": .integer(.max)], .pieceLengthOutOfRange(.max)),
        Fault(without: ["pieces"], [:], .missingPieces),
        Fault(["pieces": []], .missingPieces),
        Fault(["pieces": ""], .wrongPieceCount(hashByteCount: 0, expectedPieceCount: 2)),
        Fault(
            ["pieces": .string([UInt8](repeating: 1, count: 39))],
            .wrongPieceCount(hashByteCount: 39, expectedPieceCount: 2)
        ),
        Fault(
            ["pieces": .string([UInt8](repeating: 1, count: 60))],
            .wrongPieceCount(hashByteCount: 60, expectedPieceCount: 2)
        ),
        Fault(without: ["length"], [:], .missingFiles),
        Fault(["length": -1], .malformedLength(file: 0)),
        Fault(["length": "20000"], .malformedLength(file: 0)),
        Fault(["length": 0], .noContent),
        Fault(["length": .integer(1 << 48 + 1)], .totalTooLong),
        Fault(["length": .integer(.max)], .totalTooLong),
        Fault(["length": .integer(1 << 48)], .tooManyPieces(1 << 34)),
        Fault(["files": []], .bothLengthAndFiles),
        Fault(without: ["length"], ["files": []], .missingFiles),
        Fault(without: ["length"], ["files": 5], .missingFiles),
        Fault(without: ["length"], ["files": [5]], .malformedFile(0)),
        Fault(
            without: ["pieces", "length"],
            ["meta version": 2, "file tree": [:]],
            .missingFileTree
        ),
        Fault(without: ["pieces"], ["meta version": 2], .missingFileTree),
        Fault(["meta version": "2"], .malformedMetaVersion),
        Fault(["meta version": 3], .unknownMetaVersion(3)),
        Fault(["file tree": ["a": ["": ["length": 1]]]], .missingMetaVersion),
    ]

    @Test(arguments: faults)
    func refuses(fault: Fault) {
        guard case .dictionary(var entries) = singleFileInfo() else { return }
        for key in fault.removed { entries[Array(key.utf8)] = nil }
        for (key, value) in fault.changes { entries[Array(key.utf8)] = value }
        #expect(throws: fault.error) { try parse(.dictionary(entries)) }
        #expect(!fault.error.description.isEmpty)
    }

    @Test(
        arguments: [
            (["path": ["x"]], .malformedLength(file: 1)),
            (["length": -1, "path": ["x"]], .malformedLength(file: 1)),
            (["length": 1], .malformedPath(file: 1)),
            (["length": 1, "path": []], .malformedPath(file: 1)),
            (["length": 1, "path": "x"], .malformedPath(file: 1)),
            (["length": 1, "path": ["x", 5]], .malformedPath(file: 1)),
            (
                ["length": 1, "path": .list(.init(repeating: "x", count: 101))],
                .pathTooDeep(file: 1)
            ),
            (["length": .integer(.max), "path": ["x"]], .totalTooLong),
        ] as [(BencodeItem, MetainfoError)]
    )
    func refusesFile(file: BencodeItem, error: MetainfoError) {
        #expect(throws: error) {
            try parse(manyFilesInfo([["length": 1, "path": ["first"]], file]))
        }
    }

    @Test func refusesOnlyEmptyFiles() {
        #expect(throws: MetainfoError.noContent) {
            try parse(
                manyFilesInfo([["length": 0, "path": ["a"]], ["length": 0, "path": ["b"]]])
            )
        }
    }

    @Test func sumsWithoutOverflow() {
        let half: BencodeItem = ["length": .integer(1 << 47), "path": ["x"]]
        #expect(throws: MetainfoError.totalTooLong) {
            try parse(manyFilesInfo([half, half, half]))
        }
    }

    @Test func boundsDuplicatePaths() throws {
        func info(_ count: Int, attributes: String) -> BencodeItem {
            manyFilesInfo(
                .init(
                    repeating: ["length": 1, "path": ["same"], "attr": .text(attributes)],
                    count: count
                )
            )
        }
        #expect(try parse(info(501, attributes: "")).files.count == 501)
        #expect(throws: MetainfoError.tooManyDuplicatePaths) {
            try parse(info(502, attributes: ""))
        }
        // Padding is never listed, so it collides with nothing.
        #expect(try parse(info(2000, attributes: "p")).files.count == 2000)
    }

    @Test(arguments: [
        ("", MetainfoError.notBencode(BencodeError(.truncated, at: 0))),
        ("<html>", .notBencode(BencodeError(.unexpectedByte(0x3c), at: 0))),
        ("le", .notDictionary), ("de", .missingInfo), ("d4:infolee", .missingInfo),
        ("d4:infod6:lengthi5e6:lengthi5eee", .notBencode(BencodeError(.duplicateKey, at: 19))),
    ])
    func refusesWhatIsNoTorrent(text: String, error: MetainfoError) {
        #expect(throws: error) { try Metainfo(parsing: Array(text.utf8)) }
    }

    @Test func boundsTheFile() {
        var limits = MetainfoLimits()
        limits.byteCount = 100
        #expect(throws: MetainfoError.notBencode(BencodeError(.inputTooLong, at: 100))) {
            try Metainfo(parsing: [UInt8](repeating: 0x64, count: 101), limits: limits)
        }
    }

    @Test func refusesEveryTruncation() {
        let bytes = BencodeEncoder.encode(["info": singleFileInfo()])
        for count in 0..<bytes.count {
            #expect(throws: MetainfoError.self) {
                try Metainfo(parsing: Array(bytes.prefix(count)))
            }
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 6)
        let files: BencodeItem = [
            ["length": 100, "path": ["b", "one"], "attr": "x"],
            ["length": 200, "path": [".pad", "200"], "attr": "p"],
            ["path": ["link"], "attr": "l", "symlink path": ["b", "one"]],
        ]
        let info: BencodeItem = [
            "name": "n", "files": files, "piece length": 16_384,
            "pieces": .string([UInt8](repeating: 0x31, count: 20)),
        ]
        let top: BencodeItem = ["announce": "url", "announce-list": [["u"], ["v"]], "info": info]
        let valid = BencodeEncoder.encode(top)
        let alphabet = Array("dlei0123456789:-px".utf8)
        for round in 0..<100_000 {
            let bytes = mutator.mutate(valid, alphabet: round % 2 == 0 ? alphabet : [])
            guard let metainfo = try? Metainfo(parsing: bytes) else { continue }
            // What was accepted keeps its promises.
            let info = metainfo.info
            var offset: UInt64 = 0
            for file in info.files {
                if file.offset != offset { Issue.record("\(bytes)") }
                offset += file.length
            }
            if offset != info.geometry.totalLength
                || info.pieceHashes.count != 20 * info.geometry.pieceCount
            {
                Issue.record("\(bytes)")
            }
        }
    }
}
