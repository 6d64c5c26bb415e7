/// How far ahead of a stream is fetched: the numbers and the rule.
///
/// Nothing until a reader has proved that it reads on, because who scans a library reads the first
/// bytes of each file and leaves. Then a little, doubled whenever half of it was read, up to what
/// bridges the time in which a swarm may falter.
struct ReadAhead {
    /// Bytes in a piece.
    let pieceLength: UInt64
    /// Blocks are verified by themselves, so that what is not read of a piece need not come.
    let comesInBlocks: Bool
    /// Bytes that all windows together may hold: what the cache can keep for them.
    var budget = UInt64.max

    /// More than this in one go proves a sequential reader, or so much in a single read.
    static let proof: (severalReads: UInt64, oneRead: UInt64) = (128 << 10, 512 << 10)
    /// Who has read no more, or only once, may have seen what was to be seen.
    static let glance: UInt64 = 64 << 10
    private static let smallest: UInt64 = 2 << 20
    private static let usual: UInt64 = 16 << 20
    private static let largest: UInt64 = 64 << 20

    init(pieceLength: UInt32, comesInBlocks: Bool) {
        self.pieceLength = UInt64(pieceLength)
        self.comesInBlocks = comesInBlocks
    }

    /// The window of a stream that has just proved sequential.
    var first: UInt64 { max(Self.smallest, 2 * pieceLength) }

    /// What the next bytes of a stream are: they follow at once and come before all further ones.
    var next: UInt64 { first }

    /// - Parameters:
    ///   - rate: of the stream's consumption, bytes per second.
    ///   - capacity: what the swarm delivers, bytes per second; `nil` if unknown.
    ///   - streamCount: streams that are read sequentially.
    func largestWindow(rate: Double, capacity: Double?, streamCount: Int) -> UInt64 {
        var seconds = 20.0
        if let capacity {
            if capacity < 2 * rate {
                seconds = 60
            } else if capacity > 10 * rate, streamCount > 1 {
                seconds = 8
            }
        }
        let wanted = UInt64(min(rate * seconds, Double(Self.largest)))
        return max(wanted, Self.usual, 2 * pieceLength)
    }
}
