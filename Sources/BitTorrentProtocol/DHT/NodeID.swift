/// The name of a DHT node (BEP 5): 20 bytes, among which nearness is XOR.
///
/// Held inline, so that tables of nodes need no allocation per key.
package struct NodeID: Hashable, Sendable {
    package static let byteCount = 20
    package static let bitCount = 160

    private let words: Words

    /// - Returns: `nil` unless `bytes` holds exactly 20 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        words = Words(twenty: bytes)
    }

    /// The place in the DHT where the peers of a torrent are kept.
    package init(_ infoHash: InfoHash) { words = Words(twenty: infoHash.bytes) }

    package init(using generator: inout some RandomNumberGenerator) {
        words = Words(high: generator.next(), middle: generator.next(), low: generator.next())
    }

    /// A random id that shares exactly the first `count` bits with this one.
    ///
    /// - Precondition: `count` is 0 to 159.
    package func sharing(
        bitCount count: Int,
        using generator: inout some RandomNumberGenerator
    ) -> NodeID {
        precondition((0..<Self.bitCount).contains(count))
        var bytes = bytes
        let other = NodeID(using: &generator).bytes
        for position in 0..<Self.byteCount {
            let kept = min(max(count - 8 * position, 0), 8)
            let mask = kept == 8 ? 0 : UInt8(0xff) >> UInt8(kept)
            bytes[position] = bytes[position] & ~mask | other[position] & mask
        }
        let bit = UInt8(0x80) >> UInt8(count % 8)
        bytes[count / 8] = bytes[count / 8] & ~bit | ~self.bytes[count / 8] & bit
        return NodeID(words: Words(twenty: bytes))
    }

    private init(words: Words) { self.words = words }

    package var bytes: [UInt8] { words.bytes }

    /// How far two ids lie apart (BEP 5): their XOR, as a number.
    package struct Distance: Hashable, Comparable, Sendable {
        fileprivate let words: Words

        /// Bits from the first that two ids share: 0 to 160.
        package var sharedBitCount: Int { words.leadingZeroBitCount }

        package static func < (left: Self, right: Self) -> Bool {
            (left.words.high, left.words.middle, left.words.low)
                < (right.words.high, right.words.middle, right.words.low)
        }
    }

    package func distance(to other: NodeID) -> Distance {
        Distance(
            words: Words(
                high: words.high ^ other.words.high,
                middle: words.middle ^ other.words.middle,
                low: words.low ^ other.words.low
            )
        )
    }

    fileprivate struct Words: Hashable, Sendable {
        let high: UInt64
        let middle: UInt64
        let low: UInt32

        init(high: UInt64, middle: UInt64, low: UInt32) {
            self.high = high
            self.middle = middle
            self.low = low
        }

        init(twenty bytes: some Collection<UInt8>) {
            high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            middle = bytes.dropFirst(8).prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
            low = bytes.dropFirst(16).reduce(0) { $0 << 8 | UInt32($1) }
        }

        var bytes: [UInt8] {
            (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
                + (0..<8).map { UInt8(truncatingIfNeeded: middle >> (56 - 8 * $0)) }
                + (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * $0)) }
        }

        var leadingZeroBitCount: Int {
            if high != 0 { return high.leadingZeroBitCount }
            if middle != 0 { return 64 + middle.leadingZeroBitCount }
            return 128 + low.leadingZeroBitCount
        }
    }
}

extension NodeID: CustomStringConvertible {
    package var description: String { hexadecimalText(bytes) }
}

// MARK: - Ids that follow from an address (BEP 42)

extension NodeID {
    /// An id that the owner of an address may have.
    ///
    /// - Parameter host: 4 or 16 bytes in network order.
    package init(forHost host: [UInt8], using generator: inout some RandomNumberGenerator) {
        let random = UInt8.random(in: .min ... .max, using: &generator)
        var bytes = NodeID(using: &generator).bytes
        let prefix = Self.prefix(host: host, random: random)
        bytes[0] = UInt8(truncatingIfNeeded: prefix >> 24)
        bytes[1] = UInt8(truncatingIfNeeded: prefix >> 16)
        bytes[2] = UInt8(truncatingIfNeeded: prefix >> 8) & 0xf8 | bytes[2] & 0x07
        bytes[19] = random
        self.init(words: Words(twenty: bytes))
    }

    /// Whether the owner of `address` may have this id; local addresses may have any.
    package func isValid(for address: PeerAddress) -> Bool {
        guard !address.isPrivate, !address.isLoopback, !address.isLinkLocal else { return true }
        let prefix = Self.prefix(host: address.host, random: UInt8(truncatingIfNeeded: words.low))
        return (UInt32(truncatingIfNeeded: words.high >> 32) ^ prefix) >> 11 == 0
    }

    /// The first 21 bits that BEP 42 demands, at the top of 32.
    private static func prefix(host: [UInt8], random: UInt8) -> UInt32 {
        let mask: [UInt8] =
            host.count == 4
            ? [0x03, 0x0f, 0x3f, 0xff] : [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff]
        var masked = zip(host, mask).map { $0 & $1 }
        masked[0] |= (random & 0x7) << 5
        return crc32c(masked)
    }
}
