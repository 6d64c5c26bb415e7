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

    /// The place of the block in its piece, counted from zero.
    package var number: Int { Int(offset / Self.maximumLength) }
}

/// How a torrent's bytes divide into pieces and blocks: the only place that divides by the piece
/// length.
///
/// The files of a v1 torrent lie end to end. Those of a v2 or hybrid one (BEP 52) begin on piece
/// boundaries, so that the last piece of each is short; what is left of it up to the next boundary is
/// padding, which has no bytes of its own: nobody requests, verifies or counts it.
package struct PieceGeometry: Hashable, Sendable {
    private struct ShortPiece: Hashable {
        let piece: UInt32
        let length: UInt32
    }

    /// Bytes in every piece that is not short.
    package let pieceLength: UInt32
    /// Where the last file ends: bytes in the torrent, padding included.
    package let totalLength: UInt64
    /// Where the padding after the last file ends: what a peer may request lies below.
    package let paddedLength: UInt64
    /// Bytes in all pieces together.
    package let contentLength: UInt64
    package let pieceCount: Int
    /// Ascending.
    private let shortPieces: [ShortPiece]

    /// Files end to end: v1.
    ///
    /// - Precondition: both lengths are positive and the pieces number at most 2^32.
    package init(pieceLength: UInt32, totalLength: UInt64) {
        precondition(pieceLength > 0 && totalLength > 0)
        self.pieceLength = pieceLength
        self.totalLength = totalLength
        paddedLength = totalLength
        contentLength = totalLength
        pieceCount = Int((totalLength - 1) / UInt64(pieceLength)) + 1
        let rest = UInt32(totalLength % UInt64(pieceLength))
        shortPieces = rest == 0 ? [] : [ShortPiece(piece: UInt32(pieceCount - 1), length: rest)]
    }

    /// Each file from a piece boundary on: v2 and hybrid.
    ///
    /// - Parameters:
    ///   - alignedFiles: the lengths of the files, in order; empty ones are of no account.
    ///   - paddedLength: of a hybrid torrent, its length as v1 has it, which is that of the files or
    ///     goes on to the end of the last piece.
    /// - Precondition: not all files are empty and the pieces number at most 2^32.
    package init(
        pieceLength: UInt32,
        alignedFiles: some Sequence<UInt64>,
        paddedLength: UInt64? = nil
    ) {
        precondition(pieceLength > 0)
        var pieceCount: UInt64 = 0
        var contentLength: UInt64 = 0
        var end: UInt64 = 0
        var shortPieces: [ShortPiece] = []
        for length in alignedFiles where length > 0 {
            end = pieceCount * UInt64(pieceLength) + length
            contentLength += length
            pieceCount += (length - 1) / UInt64(pieceLength) + 1
            let rest = UInt32(length % UInt64(pieceLength))
            guard rest != 0 else { continue }
            shortPieces.append(ShortPiece(piece: UInt32(pieceCount - 1), length: rest))
        }
        precondition(contentLength > 0)
        if let paddedLength {
            precondition(paddedLength >= end)
            precondition(paddedLength <= pieceCount * UInt64(pieceLength))
        }
        self.pieceLength = pieceLength
        self.totalLength = paddedLength ?? end
        self.paddedLength = paddedLength ?? pieceCount * UInt64(pieceLength)
        self.contentLength = contentLength
        self.pieceCount = Int(pieceCount)
        self.shortPieces = shortPieces
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
        var low = 0
        var high = shortPieces.count
        while low < high {
            let middle = (low + high) / 2
            if shortPieces[middle].piece < piece.rawValue {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low < shortPieces.count && shortPieces[low].piece == piece.rawValue
            ? shortPieces[low].length : pieceLength
    }

    /// Bytes of the piece that a peer may request: its padding too, as v1 peers know it in hybrid
    /// torrents and libtorrent asks for it in others.
    package func servedLength(of piece: PieceIndex) -> UInt32 {
        UInt32(min(UInt64(pieceLength), paddedLength - offset(of: piece)))
    }

    /// Bytes in a set of pieces.
    ///
    /// - Precondition: `pieces` has as many places as there are pieces.
    package func byteCount(of pieces: Bitfield) -> UInt64 {
        precondition(pieces.count == pieceCount)
        var count = UInt64(pieces.setCount) * UInt64(pieceLength)
        for short in shortPieces where pieces[PieceIndex(rawValue: short.piece)] {
            count -= UInt64(pieceLength - short.length)
        }
        return count
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

    /// The blocks of the piece that hold at least one byte of `range`, a byte range of the torrent.
    package func blocks(of piece: PieceIndex, covering range: Range<UInt64>) -> Range<Int> {
        let start = offset(of: piece)
        let inside = range.clamped(to: start..<start + UInt64(length(of: piece)))
        guard !inside.isEmpty else { return 0..<0 }
        let size = UInt64(Block.maximumLength)
        return Int((inside.lowerBound - start) / size)..<Int(
            (inside.upperBound - 1 - start) / size
        ) + 1
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
