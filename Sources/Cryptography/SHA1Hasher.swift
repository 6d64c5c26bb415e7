import CCrypto

/// SHA-1 of bytes that arrive in parts, one digest after another with the same libcrypto context.
///
/// Not copyable, because the context is changed in place. Unchecked: a context has no tie to the
/// thread that made it, and the only owner of this value is the only one who can reach it.
package struct SHA1Hasher: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new() else {
            preconditionFailure("libcrypto has no memory for a hash")
        }
        self.context = context
        SHA1.algorithm.start(context)
    }

    deinit { EVP_MD_CTX_free(context) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let done = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(done == 1, "libcrypto could not hash")
    }

    package mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

    /// Writes the digest of all bytes since the start, or since the last digest, to the first 20
    /// bytes of `output`, and starts anew.
    ///
    /// - Precondition: `output` holds at least 20 bytes.
    package mutating func finish(into output: UnsafeMutableRawBufferPointer) {
        precondition(output.count >= SHA1.byteCount)
        let done = EVP_DigestFinal_ex(
            context,
            output.assumingMemoryBound(to: UInt8.self).baseAddress,
            nil
        )
        precondition(done == 1, "libcrypto could not hash")
        SHA1.algorithm.start(context)
    }

    /// The digest of all bytes since the start or since the last digest; then starts anew.
    package mutating func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: SHA1.byteCount)
        digest.withUnsafeMutableBytes { finish(into: $0) }
        return digest
    }
}
