package import BitTorrentProtocol

/// Pieces that follow each other, so that one system call does for all of them.
package struct PieceRun: Equatable, Sendable {
    package let pieces: Range<UInt32>

    /// The pieces as runs, in order.
    package static func runs(of pieces: [PieceIndex]) -> [PieceRun] {
        var runs: [PieceRun] = []
        for piece in pieces.map(\.rawValue).sorted() {
            if let last = runs.last, last.pieces.upperBound == piece {
                runs[runs.count - 1] = PieceRun(pieces: last.pieces.lowerBound..<piece + 1)
            } else {
                runs.append(PieceRun(pieces: piece..<piece + 1))
            }
        }
        return runs
    }

    /// Their places, each as long as a whole piece: what follows a short one is nobody's.
    package func byteRange(pieceLength: UInt32) -> Range<UInt64> {
        let length = UInt64(pieceLength)
        return UInt64(pieces.lowerBound) * length..<UInt64(pieces.upperBound) * length
    }
}
