/// The position of a piece in its torrent, counted from zero.
package struct PieceIndex: RawRepresentable, Hashable, Comparable, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) { self.rawValue = rawValue }
    package init(_ rawValue: Int) { self.rawValue = UInt32(rawValue) }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A part of a piece that is requested in one message: 16 KiB, or less at the end of a piece.
package struct Block: Hashable, Sendable {
    package static let maximumLength: UInt32 = 16 * 1024

    package let piece: PieceIndex
    /// Bytes from the start of the piece.
    package let offset: UInt32
    package let length: UInt32

    package init(piece: PieceIndex, offset: UInt32, length: UInt32) {
        self.piece = piece
        self.offset = offset
        self.length = length
    }
}

/// How a torrent's bytes divide into pieces and blocks: the only place that divides by the piece
/// length.
package struct PieceGeometry: Hashable, Sendable {
    /// Bytes in every piece but the last.
    package let pieceLength: UInt32
    /// Bytes in the torrent, padding files included.
    package let totalLength: UInt64
    package let pieceCount: Int

    /// - Precondition: both lengths are positive and the pieces number at most 2^32.
    package init(pieceLength: UInt32, totalLength: UInt64) {
        precondition(pieceLength > 0 && totalLength > 0)
        self.pieceLength = pieceLength
        self.totalLength = totalLength
        pieceCount = Int((totalLength - 1) / UInt64(pieceLength)) + 1
    }

    package func contains(_ piece: PieceIndex) -> Bool { Int(piece.rawValue) < pieceCount }

    package func piece(containing offset: UInt64) -> PieceIndex {
        precondition(offset < totalLength)
        return PieceIndex(rawValue: UInt32(offset / UInt64(pieceLength)))
    }

    /// The pieces that hold at least one byte of `range`.
    package func pieces(covering range: Range<UInt64>) -> Range<Int> {
        guard !range.isEmpty else { return 0..<0 }
        return Int(range.lowerBound / UInt64(pieceLength))..<Int(
            (range.upperBound - 1) / UInt64(pieceLength)
        ) + 1
    }

    /// Offset of the piece's first byte in the torrent.
    package func offset(of piece: PieceIndex) -> UInt64 {
        UInt64(piece.rawValue) * UInt64(pieceLength)
    }

    package func length(of piece: PieceIndex) -> UInt32 {
        precondition(contains(piece))
        return UInt32(min(UInt64(pieceLength), totalLength - offset(of: piece)))
    }

    package func range(of piece: PieceIndex) -> Range<UInt64> {
        offset(of: piece)..<offset(of: piece) + UInt64(length(of: piece))
    }

    package func blockCount(of piece: PieceIndex) -> Int {
        Int((length(of: piece) - 1) / Block.maximumLength) + 1
    }

    /// - Precondition: `number` is less than the piece's block count.
    package func block(_ number: Int, of piece: PieceIndex) -> Block {
        let offset = UInt32(number) * Block.maximumLength
        let length = length(of: piece)
        precondition(offset < length)
        return Block(
            piece: piece,
            offset: offset,
            length: min(Block.maximumLength, length - offset)
        )
    }

    /// The block that a peer means, or `nil` if the torrent has no such block.
    package func block(piece: UInt32, offset: UInt32, length: UInt32) -> Block? {
        let index = PieceIndex(rawValue: piece)
        guard contains(index), offset % Block.maximumLength == 0 else { return nil }
        let number = Int(offset / Block.maximumLength)
        guard number < blockCount(of: index) else { return nil }
        let block = block(number, of: index)
        return block.length == length ? block : nil
    }
}
