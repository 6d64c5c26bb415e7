/// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 64 bits that somebody without the
/// key cannot forge or collide.
package struct SipHash24: Sendable {
    package static let keyByteCount = 16

    private let key: (UInt64, UInt64)

    /// - Returns: `nil` unless `key` holds exactly 16 bytes.
    package init?(key: [UInt8]) {
        guard key.count == Self.keyByteCount else { return nil }
        self.key = key.withUnsafeBytes {
            (
                UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)),
                UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
    }

    package func hash(_ bytes: [UInt8]) -> UInt64 { bytes.withUnsafeBytes { hash($0) } }

    package func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        Beginning(state: State(key: key)).hash(followedBy: bytes)
    }

    /// What the first bytes of a message leave behind, so that messages which begin alike hash their
    /// beginning once.
    ///
    /// - Precondition: `bytes` are a multiple of eight.
    package func beginning(_ bytes: UnsafeRawBufferPointer) -> Beginning {
        precondition(bytes.count % 8 == 0)
        var beginning = Beginning(state: State(key: key))
        beginning.absorbWords(of: bytes)
        return beginning
    }

    /// A message up to a multiple of eight bytes.
    package struct Beginning: Sendable {
        fileprivate var state: State
        fileprivate var byteCount = 0

        /// The hash of the whole message, which ends with `rest`.
        package func hash(followedBy rest: UnsafeRawBufferPointer) -> UInt64 {
            var message = self
            message.absorbWords(of: rest)
            // The last word holds what remains and, in its top byte, the length modulo 256.
            var last = UInt64(truncatingIfNeeded: byteCount + rest.count) << 56
            var offset = rest.count & ~7
            if rest.count & 4 != 0 {
                let word = rest.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
                last |= UInt64(UInt32(littleEndian: word))
                offset += 4
            }
            for offset in offset..<rest.count {
                last |= UInt64(rest[offset]) << UInt64(8 * (offset & 7))
            }
            message.state.absorb(last)
            return message.state.digest()
        }

        @inline(__always)
        fileprivate mutating func absorbWords(of bytes: UnsafeRawBufferPointer) {
            let wholeWords = bytes.count & ~7
            for offset in stride(from: 0, to: wholeWords, by: 8) {
                let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                state.absorb(UInt64(littleEndian: word))
            }
            byteCount += wholeWords
        }
    }

    fileprivate struct State {
        private var v0, v1, v2, v3: UInt64

        init(key: (UInt64, UInt64)) {
            v0 = key.0 ^ 0x736f_6d65_7073_6575
            v1 = key.1 ^ 0x646f_7261_6e64_6f6d
            v2 = key.0 ^ 0x6c79_6765_6e65_7261
            v3 = key.1 ^ 0x7465_6462_7974_6573
        }

        @inline(__always)
        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        @inline(__always)
        mutating func digest() -> UInt64 {
            v2 ^= 0xff
            for _ in 0..<4 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }

        @inline(__always)
        private mutating func round() {
            v0 &+= v1
            v2 &+= v3
            v1 = rotate(v1, 13) ^ v0
            v3 = rotate(v3, 16) ^ v2
            v0 = rotate(v0, 32)
            v2 &+= v1
            v0 &+= v3
            v1 = rotate(v1, 17) ^ v2
            v3 = rotate(v3, 21) ^ v0
            v2 = rotate(v2, 32)
        }

        private func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 {
            word &<< count | word &>> (64 - count)
        }
    }
}
