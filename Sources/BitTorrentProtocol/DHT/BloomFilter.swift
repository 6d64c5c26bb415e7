import Cryptography

/// The addresses of a torrent's peers, countable and not readable (BEP 33).
package struct BloomFilter: Hashable, Sendable {
    package static let byteCount = 256
    private static let bitCount = 8 * byteCount

    package private(set) var bytes: [UInt8]

    package init() { bytes = [UInt8](repeating: 0, count: Self.byteCount) }

    /// - Returns: `nil` unless `bytes` holds exactly 256 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// - Parameter host: 4 or 16 bytes in network order.
    package mutating func insert(host: [UInt8]) {
        let digest = SHA1.hash(host)
        for first in [0, 2] {
            let bit = (Int(digest[first]) | Int(digest[first + 1]) << 8) % Self.bitCount
            bytes[bit / 8] |= 1 << UInt8(bit % 8)
        }
    }

    package mutating func formUnion(_ other: BloomFilter) {
        for position in bytes.indices { bytes[position] |= other.bytes[position] }
    }

    /// How many addresses went in, as far as this can be told.
    package var estimatedCount: Double {
        let zeroCount = Self.bitCount - bytes.reduce(0) { $0 + $1.nonzeroBitCount }
        let fraction = Double(max(zeroCount, 1)) / Double(Self.bitCount)
        return naturalLogarithm(fraction)
            / (2 * naturalLogarithm(1 - 1 / Double(Self.bitCount)))
    }
}

/// Of a positive number, by the series of the inverse hyperbolic tangent.
private func naturalLogarithm(_ number: Double) -> Double {
    let ratio = (number.significand - 1) / (number.significand + 1)
    var power = ratio
    var sum = 0.0
    for divisor in stride(from: 1.0, to: 60, by: 2) {
        sum += power / divisor
        power *= ratio * ratio
    }
    return 2 * sum + Double(number.exponent) * 0.693_147_180_559_945_3
}
