/// The identity of a torrent: the SHA-1 of its raw info dictionary (BEP 3).
///
/// Twenty bytes held inline, so that a dictionary of torrents needs no allocation per key.
package struct InfoHash: Hashable, Sendable {
    package static let byteCount = 20

    private let words: (UInt64, UInt64, UInt32)

    /// - Returns: `nil` unless `bytes` holds exactly 20 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var high: UInt64 = 0
        var middle: UInt64 = 0
        var low: UInt32 = 0
        for (position, byte) in bytes.enumerated() {
            switch position {
            case 0..<8: high = high << 8 | UInt64(byte)
            case 8..<16: middle = middle << 8 | UInt64(byte)
            default: low = low << 8 | UInt32(byte)
            }
        }
        words = (high, middle, low)
    }

    package var bytes: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: words.0 >> (56 - 8 * $0)) }
            + (0..<8).map { UInt8(truncatingIfNeeded: words.1 >> (56 - 8 * $0)) }
            + (0..<4).map { UInt8(truncatingIfNeeded: words.2 >> (24 - 8 * $0)) }
    }

    package static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}
