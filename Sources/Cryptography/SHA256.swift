/// SHA-256 by libcrypto (FIPS 180-4): what v2 torrents are hashed with (BEP 52).
///
/// Every function may be called on any thread.
package enum SHA256 {
    /// Bytes in a digest.
    package static let byteCount = 32

    static let algorithm = DigestAlgorithm("SHA2-256", byteCount: byteCount)

    package static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] { algorithm.hash(bytes) }

    package static func hash(_ bytes: some Collection<UInt8>) -> [UInt8] { algorithm.hash(bytes) }

    /// Writes the digest of `bytes` to the first 32 bytes of `output`; allocates no array.
    ///
    /// - Precondition: `output` holds at least 32 bytes.
    package static func hash(
        _ bytes: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) {
        algorithm.hash(bytes, into: output)
    }
}
