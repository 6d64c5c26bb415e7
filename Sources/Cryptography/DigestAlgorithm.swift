import CCrypto

/// A hash function of libcrypto, fetched once: a fetch for every hash would cost more than hashing
/// a small input.
///
/// Unchecked: an `EVP_MD` does not change after it was fetched and its reference count is atomic
/// (EVP_MD_fetch(3)), so every thread may use it.
struct DigestAlgorithm: @unchecked Sendable {
    private let algorithm: OpaquePointer
    let byteCount: Int

    /// - Precondition: libcrypto has the algorithm; its default provider has all that are used here.
    init(_ name: String, byteCount: Int) {
        guard let algorithm = EVP_MD_fetch(nil, name, nil) else {
            preconditionFailure("libcrypto does not provide \(name)")
        }
        precondition(EVP_MD_get_size(algorithm) == byteCount)
        self.algorithm = algorithm
        self.byteCount = byteCount
    }

    /// Writes the digest of `bytes` to the start of `output`.
    ///
    /// - Precondition: `output` holds at least `byteCount` bytes.
    func hash(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
        precondition(output.count >= byteCount)
        let done = EVP_Digest(
            bytes.baseAddress,
            bytes.count,
            output.assumingMemoryBound(to: UInt8.self).baseAddress,
            nil,
            algorithm,
            nil
        )
        // Fails for want of memory only; a digest that was not computed must not be compared.
        precondition(done == 1, "libcrypto could not hash")
    }

    func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { output, count in
            hash(bytes, into: UnsafeMutableRawBufferPointer(output))
            count = byteCount
        }
    }

    func hash(_ bytes: some Collection<UInt8>) -> [UInt8] {
        bytes.withContiguousStorageIfAvailable { hash(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { hash($0) }
    }

    /// Makes `context` ready for the first byte.
    func start(_ context: OpaquePointer) {
        precondition(EVP_DigestInit_ex2(context, algorithm, nil) == 1, "libcrypto could not hash")
    }
}
