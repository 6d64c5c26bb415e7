import CCrypto

/// A non-negative integer of libcrypto, freed with its value.
struct BigNumber: ~Copyable {
    private let number: OpaquePointer

    /// - Parameter bytes: the most significant first.
    init(_ bytes: [UInt8]) {
        guard let number = BN_bin2bn(bytes, Int32(bytes.count), nil) else {
            preconditionFailure("libcrypto has no memory for a number")
        }
        self.number = number
    }

    deinit { BN_clear_free(number) }

    /// The number, most significant byte first, with zeros in front.
    ///
    /// - Precondition: it fits.
    func bytes(count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
            let written = BN_bn2binpad(number, output.baseAddress, Int32(count))
            precondition(written == Int32(count), "the number is too large")
            initialized = count
        }
    }

    static func < (left: borrowing Self, right: borrowing Self) -> Bool {
        BN_cmp(left.number, right.number) < 0
    }

    /// This number to the power of `exponent`, modulo an odd `modulus`, in a time that does not
    /// tell the exponent.
    func power(_ exponent: borrowing Self, modulo modulus: borrowing Self) -> Self {
        guard let context = BN_CTX_new() else {
            preconditionFailure("libcrypto has no memory for a context")
        }
        defer { BN_CTX_free(context) }
        let result = Self([])
        let done = BN_mod_exp_mont_consttime(
            result.number,
            number,
            exponent.number,
            modulus.number,
            context,
            nil
        )
        // Fails for want of memory only: the moduli here are odd.
        precondition(done == 1, "libcrypto could not raise to a power")
        return result
    }
}
