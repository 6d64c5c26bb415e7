import Cryptography

/// The identity of a torrent: the SHA-1 of its raw info dictionary (BEP 3), or the first 20 bytes of
/// the SHA-256 if it is one of v2 alone (BEP 52).
///
/// Twenty bytes held inline, so that a dictionary of torrents needs no allocation per key.
package struct InfoHash: Hashable, Sendable {
    package static let byteCount = 20

    private let words: (UInt64, UInt64, UInt32)

    /// - Returns: `nil` unless `bytes` holds exactly 20 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.init(twenty: bytes)
    }

    /// - Returns: `nil` unless `bytes` holds at least 20 bytes; the rest is ignored.
    package init?(prefixOf bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount else { return nil }
        words = (
            UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
            UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
        )
    }

    /// Writes the 20 bytes.
    ///
    /// - Precondition: `bytes` has room for them.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) {
        bytes.storeBytes(of: words.0.bigEndian, as: UInt64.self)
        bytes.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
        bytes.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt32.self)
    }

    /// The name in its swarm of a torrent with this SHA-256 (BEP 52).
    init(firstBytesOf digest: SHA256Digest) {
        self.init(twenty: digest.bytes.prefix(Self.byteCount))
    }

    /// The SHA-1 of an info dictionary, exactly as found.
    package init(ofInfoDictionary bytes: some Collection<UInt8>) {
        self.init(twenty: SHA1.hash(bytes))
    }

    /// - Returns: `nil` unless `hex` is 40 hexadecimal digits, of either case.
    package init?(hex: some StringProtocol) {
        guard hex.utf8.count == 2 * Self.byteCount else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in hex.utf8 {
            let digit: UInt8
            switch character {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = character - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = character - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = character - UInt8(ascii: "A") + 10
            default: return nil
            }
            if let first = high {
                bytes.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        self.init(twenty: bytes)
    }

    private init(twenty bytes: some Collection<UInt8>) {
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

    /// Forty lowercase hexadecimal digits.
    package var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self
        )
    }

    package static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

extension InfoHash: CustomStringConvertible {
    package var description: String { hex }
}
