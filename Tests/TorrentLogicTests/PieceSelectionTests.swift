import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct PieceSelectionTests {
    @Test func isCoveredOnceEveryPieceIsHere() {
        var wanted = Bitfield(count: 10)
        for piece in [2, 3, 7] { wanted[PieceIndex(piece)] = true }
        var have = Bitfield(count: 10)
        var selection = PieceSelection(wanted)
        #expect(selection[PieceIndex(3)] && !selection[PieceIndex(4)])
        func isCovered() -> Bool { selection.isCovered(by: have) }
        for piece in [3, 7, 9] {
            #expect(!isCovered())
            have[PieceIndex(piece)] = true
        }
        #expect(!isCovered())
        have[PieceIndex(2)] = true
        #expect(isCovered())
        // What is lost is wanted again.
        have[PieceIndex(7)] = false
        #expect(!isCovered())
    }

    @Test func holdsThePiecesOfFilesAndOfNoOthers() throws {
        // Files of 10 000, 20 000 and 40 000 bytes, pieces of 16 KiB.
        let info = try torrent([10_000, 20_000, 40_000])
        func pieces(_ files: [ClosedRange<Int>]) -> [Int] {
            let selection = PieceSelection(files: files, of: info)
            return (0..<info.geometry.pieceCount).filter { selection[PieceIndex($0)] }
        }
        #expect(pieces([0...0]) == [0])
        #expect(pieces([1...1]) == [0, 1])
        #expect(pieces([2...2]) == [1, 2, 3, 4])
        #expect(pieces([0...0, 2...9]) == [0, 1, 2, 3, 4])
        #expect(pieces([5...(1 << 24)]) == [])
    }

    private func torrent(_ lengths: [Int]) throws -> TorrentInfo {
        let files = lengths.enumerated().map { "d6:lengthi\($1)e4:pathl1:\($0)ee" }.joined()
        let count = (lengths.reduce(0, +) - 1) / 16384 + 1
        let text = "d5:filesl\(files)e4:name1:n12:piece lengthi16384e6:pieces\(20 * count):"
        let bytes = Array(text.utf8) + [UInt8](repeating: 1, count: 20 * count) + Array("e".utf8)
        return try Metainfo(infoBytes: bytes, trackerTiers: []).info
    }
}
