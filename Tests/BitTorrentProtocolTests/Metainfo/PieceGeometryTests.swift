import BitTorrentProtocol
import Testing

@Suite struct PieceGeometryTests {
    @Test func cutsTheLastPieceAndTheLastBlock() {
        let geometry = PieceGeometry(pieceLength: 40_000, totalLength: 100_001)
        #expect(geometry.pieceCount == 3)
        #expect(geometry.length(of: PieceIndex(2)) == 20_001)
        #expect(geometry.blockCount(of: PieceIndex(0)) == 3)
        #expect(geometry.block(2, of: PieceIndex(0)).length == 40_000 - 32_768)
        #expect(geometry.blockCount(of: PieceIndex(2)) == 2)
        #expect(geometry.pieces(covering: 39_999..<80_001) == 0..<3)
        #expect(geometry.pieces(covering: 40_000..<80_000) == 1..<2)
        #expect(geometry.piece(containing: 80_000) == PieceIndex(2))
    }

    @Test func knowsOnlyWholeBlocks() {
        let geometry = PieceGeometry(pieceLength: 40_000, totalLength: 100_001)
        #expect(geometry.block(piece: 0, offset: 16_384, length: 16_384) != nil)
        #expect(geometry.block(piece: 0, offset: 32_768, length: 7_232) != nil)
        #expect(geometry.block(piece: 0, offset: 32_768, length: 16_384) == nil)
        #expect(geometry.block(piece: 0, offset: 1, length: 16_384) == nil)
        #expect(geometry.block(piece: 3, offset: 0, length: 16_384) == nil)
        #expect(geometry.block(piece: .max, offset: .max, length: .max) == nil)
    }

    @Test func holdsTheLargestTorrent() {
        let geometry = PieceGeometry(pieceLength: 32767 * 16 * 1024, totalLength: 1 << 48)
        let last = PieceIndex(geometry.pieceCount - 1)
        #expect(geometry.range(of: last).upperBound == 1 << 48)
    }

    @Test func endsThePieceWithItsFile() {
        let geometry = PieceGeometry(pieceLength: 32768, alignedFiles: [70_000, 0, 100, 32768])
        #expect(geometry.pieceCount == 5)
        #expect(
            (0..<5).map { geometry.length(of: PieceIndex($0)) } == [32768, 32768, 4464, 100, 32768]
        )
        #expect(geometry.totalLength == 163_840)
        #expect(geometry.contentLength == 102_868)
        #expect(geometry.block(piece: 2, offset: 0, length: 4464) != nil)
        #expect(geometry.block(piece: 2, offset: 0, length: 16384) == nil)
        #expect(geometry.blocks(of: PieceIndex(0), covering: 16383..<16385) == 0..<2)
        #expect(geometry.blocks(of: PieceIndex(2), covering: 70_000..<98_304).isEmpty)
        var pieces = Bitfield(count: 5)
        for piece in [0, 2, 3] { pieces[PieceIndex(piece)] = true }
        #expect(geometry.byteCount(of: pieces) == 32768 + 4464 + 100)
        #expect(geometry.byteCount(of: Bitfield(full: 5)) == geometry.contentLength)
    }
}
