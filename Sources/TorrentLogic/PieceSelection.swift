package import BitTorrentProtocol

/// The pieces that are fetched in the background, of a torrent of which not every file is wanted
/// (BEP 53).
package struct PieceSelection: Equatable, Sendable {
    private let pieces: Bitfield
    /// One that was missing when it was last looked, so that not all are looked at each time.
    private var missing: PieceIndex?

    package init(_ pieces: Bitfield) { self.pieces = pieces }

    /// The pieces that hold a byte of the files of these numbers; numbers that no file has are
    /// passed over.
    package init(files: [ClosedRange<Int>], of info: TorrentInfo) {
        var pieces = Bitfield(count: info.geometry.pieceCount)
        for range in files {
            for file in info.files[range.clamped(to: info.files.startIndex, info.files.endIndex)] {
                let bytes = file.offset..<file.offset + file.length
                for piece in info.geometry.pieces(covering: bytes) {
                    pieces[PieceIndex(piece)] = true
                }
            }
        }
        self.init(pieces)
    }

    package subscript(piece: PieceIndex) -> Bool { pieces[piece] }

    /// Whether everything that is wanted is here.
    package mutating func isCovered(by have: Bitfield) -> Bool {
        if have.isComplete { return true }
        if let missing, !have[missing] { return false }
        missing = (0..<pieces.count).lazy.map { PieceIndex($0) }
            .first { self.pieces[$0] && !have[$0] }
        return missing == nil
    }
}

extension ClosedRange<Int> {
    fileprivate func clamped(to start: Int, _ end: Int) -> Range<Int> {
        // The upper bound is at most `MagnetLink.maximumFileCount`.
        (lowerBound..<upperBound + 1).clamped(to: start..<end)
    }
}
