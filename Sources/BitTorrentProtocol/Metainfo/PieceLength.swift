/// How long the pieces of a new torrent should be.
///
/// Short pieces are verified sooner and waste less padding; long ones make a smaller metainfo.
///
/// | total | piece length |
/// |---|---|
/// | up to 375 MiB | 256 KiB |
/// | 750 MiB | 512 KiB |
/// | 1.5 GiB | 1 MiB |
/// | 3 GiB | 2 MiB |
/// | 6 GiB | 4 MiB |
/// | 12 GiB | 8 MiB |
/// | more | 16 MiB |
///
/// Many small files make them shorter, down to 16 KiB, because each file begins a piece.
package enum PieceLength {
    /// Lengths that a torrent may be made with: powers of two, which v2 demands (BEP 52).
    package static let allowed: ClosedRange<UInt32> = 16 << 10...64 << 20
    private static let automatic: ClosedRange<UInt32> = 256 << 10...16 << 20
    /// Pieces that a torrent has at most, as far as `automatic` allows.
    private static let pieceCount: UInt64 = 1500

    package static func isAllowed(_ length: UInt32) -> Bool {
        allowed.contains(length) && length.nonzeroBitCount == 1
    }

    /// - Parameters:
    ///   - totalLength: bytes of all files.
    ///   - current: of the torrent's version before, which is kept unless it is far from best,
    ///     because another one means to hash everything anew.
    package static func suitable(
        totalLength: UInt64,
        fileCount: Int,
        current: UInt32? = nil
    ) -> UInt32 {
        let best = best(totalLength: totalLength, fileCount: fileCount)
        guard let current, isAllowed(current), current <= 2 * best, best <= 2 * current else {
            return best
        }
        return current
    }

    private static func best(totalLength: UInt64, fileCount: Int) -> UInt32 {
        var length = automatic.lowerBound
        while length < automatic.upperBound, totalLength > pieceCount * UInt64(length) {
            length *= 2
        }
        // A file is followed by half a piece of padding on average; it shall not be an eighth of all.
        while length > allowed.lowerBound, UInt64(fileCount) * UInt64(length) / 2 > totalLength / 8
        {
            length /= 2
        }
        return length
    }
}
