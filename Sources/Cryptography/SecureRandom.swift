import CCrypto

/// Unpredictable bytes from libcrypto: keys, peer ids, transaction ids.
package enum SecureRandom {
    /// May be called on any thread.
    ///
    /// - Precondition: `count` is not negative and fits 31 bits.
    package static func bytes(_ count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
            // Fails only if the system has no entropy source; a weak key must not be handed out.
            precondition(RAND_bytes(output.baseAddress, Int32(count)) == 1, "No random bytes")
            initialized = count
        }
    }
}
