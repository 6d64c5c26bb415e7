import Cryptography

/// A SHA-256, held inline so that a table of millions of them is one block of memory.
package struct SHA256Digest: Hashable, Sendable {
    package static let byteCount = SHA256.byteCount
    /// 32 zeros, which no input is known to hash to.
    package static let zero = Self(words: (0, 0, 0, 0))

    /// The 32 bytes in memory order.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// - Precondition: `raw` holds at least 32 bytes.
    private init(first raw: UnsafeRawBufferPointer) {
        self.init(
            words: (
                raw.loadUnaligned(as: UInt64.self),
                raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
                raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
                raw.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
            )
        )
    }

    /// - Returns: `nil` unless `bytes` holds exactly 32 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self =
            bytes.withContiguousStorageIfAvailable { Self(first: UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { Self(first: $0) }
    }

    /// Digests that stand one behind the other.
    ///
    /// - Returns: `nil` unless `bytes` is a multiple of 32 long.
    package static func list(_ bytes: some Collection<UInt8>) -> [Self]? {
        guard bytes.count % byteCount == 0 else { return nil }
        func read(_ raw: UnsafeRawBufferPointer) -> [Self] {
            stride(from: 0, to: raw.count, by: byteCount).map {
                Self(first: UnsafeRawBufferPointer(rebasing: raw[$0..<$0 + byteCount]))
            }
        }
        return bytes.withContiguousStorageIfAvailable { read(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { read($0) }
    }

    /// The digest of `bytes`.
    package init(hashing bytes: UnsafeRawBufferPointer) {
        self = withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { digest in
            SHA256.hash(bytes, into: digest)
            return Self(first: UnsafeRawBufferPointer(digest))
        }
    }

    /// The digest of `bytes`.
    package init(hashing bytes: some Collection<UInt8>) {
        self =
            bytes.withContiguousStorageIfAvailable {
                Self(hashing: UnsafeRawBufferPointer($0))
            } ?? Array(bytes).withUnsafeBytes { Self(hashing: $0) }
    }

    /// The digest of two digests, one behind the other.
    package init(hashing left: Self, _ right: Self) {
        var pair = (left.words, right.words)
        self = withUnsafeBytes(of: &pair) { Self(hashing: $0) }
    }

    /// Writes the 32 bytes.
    ///
    /// - Precondition: `bytes` has room for them.
    package func encode(into bytes: UnsafeMutableRawBufferPointer) {
        withUnsafeBytes(of: words) { bytes.copyMemory(from: $0) }
    }

    package var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }

    package static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

extension Sequence<SHA256Digest> {
    /// The digests, one behind the other.
    package var joinedBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(underestimatedCount * SHA256Digest.byteCount)
        for digest in self { bytes += digest.bytes }
        return bytes
    }
}
