/// Keeps the pieces of a byte range from being evicted, as long as it lives.
package final class PieceHold: Sendable {
    private let range: Range<UInt64>
    private let pieces: PublishedPieces

    /// - Returns: `nil` if not all of the range may be read.
    init?(_ range: Range<UInt64>, of pieces: PublishedPieces) {
        guard pieces.claim(range, at: CacheSpace.moment, holds: true) != nil else { return nil }
        self.range = range
        self.pieces = pieces
    }

    deinit { pieces.release(range) }
}
