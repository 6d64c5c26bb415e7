/// SHA-1 by libcrypto (FIPS 180-4): what piece hashes and v1 info-hashes are made of.
///
/// Every function may be called on any thread.
package enum SHA1 {
    /// Bytes in a digest.
    package static let byteCount = 20

    static let algorithm = DigestAlgorithm("SHA1", byteCount: byteCount)

    package static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] { algorithm.hash(bytes) }

    package static func hash(_ bytes: some Collection<UInt8>) -> [UInt8] { algorithm.hash(bytes) }

    /// Writes the digest of `bytes` to the first 20 bytes of `output`; allocates no array.
    ///
    /// - Precondition: `output` holds at least 20 bytes.
    package static func hash(
        _ bytes: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) {
        algorithm.hash(bytes, into: output)
    }
}
