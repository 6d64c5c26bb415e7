import CCrypto

/// An RC4 key stream by libcrypto: what message stream encryption hides BitTorrent with.
///
/// It keeps no secret from whoever tries in earnest. Encryption and decryption are the same: each
/// byte is combined with the next one of the stream. A copy goes its own way from where it was made.
package struct RC4: Sendable {
    /// One element: in an array the state of a kilobyte is not copied when the value moves.
    private var state: [RC4_KEY]

    /// - Parameter count: bytes of the key stream that are thrown away first.
    /// - Precondition: the key has 1 to 256 bytes.
    package init(key: [UInt8], discarding count: Int = 0) {
        precondition((1...256).contains(key.count))
        state = [RC4_KEY()]
        rc4_start(&state[0], Int32(key.count), key)
        var discarded = [UInt8](repeating: 0, count: count)
        discarded.withUnsafeMutableBytes { apply(to: $0) }
    }

    /// Encrypts or decrypts in place.
    package mutating func apply(to bytes: UnsafeMutableRawBufferPointer) {
        apply(UnsafeRawBufferPointer(bytes), into: bytes)
    }

    /// Encrypts or decrypts `source` to the start of `output`, which may be the same memory.
    ///
    /// - Precondition: `output` is at least as long as `source`.
    package mutating func apply(
        _ source: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) {
        precondition(output.count >= source.count)
        guard !source.isEmpty else { return }
        rc4_apply(
            &state[0],
            source.count,
            source.assumingMemoryBound(to: UInt8.self).baseAddress,
            output.assumingMemoryBound(to: UInt8.self).baseAddress
        )
    }
}
