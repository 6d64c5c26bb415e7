import BitTorrentProtocol
import TorrentLogic

/// What the order of cached pieces costs: a line for each number of pieces, with nanoseconds for a
/// read, and for an eviction together with the piece that comes instead.
@main struct CacheCost {
    private static let pieceCounts = [1000, 10_000, 100_000, 1_000_000]
    private static let operationCount = 2_000_000

    static func main() {
        for count in pieceCounts {
            let (read, replaced) = cost(of: count)
            print(count, read, replaced)
        }
    }

    /// - Returns: nanoseconds for an operation.
    private static func cost(of pieceCount: Int) -> (read: Double, replaced: Double) {
        // Half of the torrent is cached.
        var recency = PieceRecency(pieceCount: 2 * pieceCount)
        for number in 0..<pieceCount { recency.insert(PieceIndex(number), at: 0) }
        var generator = SeededGenerator(seed: 1)
        let pieces = (0..<operationCount).map { _ in
            PieceIndex(Int.random(in: 0..<pieceCount, using: &generator))
        }
        let clock = ContinuousClock()
        let read = clock.measure {
            for (number, piece) in pieces.enumerated() {
                recency.touch(piece, at: UInt32(number / 1000))
            }
        }
        var next = pieceCount
        let replaced = clock.measure {
            for number in 0..<operationCount {
                guard let oldest = recency.oldest else { return }
                recency.remove(oldest.piece)
                while recency.contains(PieceIndex(next)) { next = (next + 1) % (2 * pieceCount) }
                recency.insert(PieceIndex(next), at: UInt32(10_000 + number / 1000))
            }
        }
        precondition(recency.count == pieceCount, "pieces are lost")
        return (
            read.nanoseconds / Double(operationCount), replaced.nanoseconds / Double(operationCount)
        )
    }
}

extension Duration {
    fileprivate var nanoseconds: Double {
        Double(components.seconds) * 1e9 + Double(components.attoseconds) / 1e9
    }
}
