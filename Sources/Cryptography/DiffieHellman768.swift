/// One side of a Diffie-Hellman key exchange in the group of message stream encryption: a safe prime
/// of 768 bits, generator 2.
package struct DiffieHellman768: Sendable {
    /// Bytes of a public key and of the shared secret.
    package static let byteCount = 96
    /// Bytes of a private key: 160 bits, as the protocol asks for at least.
    package static let privateByteCount = 20

    private static let leadingPrimeBytes: [UInt8] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xc9, 0x0f, 0xda, 0xa2,
        0x21, 0x68, 0xc2, 0x34, 0xc4, 0xc6, 0x62, 0x8b, 0x80, 0xdc, 0x1c, 0xd1,
        0x29, 0x02, 0x4e, 0x08, 0x8a, 0x67, 0xcc, 0x74, 0x02, 0x0b, 0xbe, 0xa6,
        0x3b, 0x13, 0x9b, 0x22, 0x51, 0x4a, 0x08, 0x79, 0x8e, 0x34, 0x04, 0xdd,
        0xef, 0x95, 0x19, 0xb3, 0xcd, 0x3a, 0x43, 0x1b, 0x30, 0x2b, 0x0a, 0x6d,
        0xf2, 0x5f, 0x14, 0x37, 0x4f, 0xe1, 0x35, 0x6d, 0x6d, 0x51, 0xc2, 0x45,
        0xe4, 0x85, 0xb5, 0x76, 0x62, 0x5e, 0x7e, 0xc6, 0xf4, 0x4c, 0x42, 0xe9,
        0xa6, 0x3a, 0x36, 0x21, 0x00, 0x00, 0x00, 0x00, 0x00,
    ]
    package static let prime: [UInt8] = leadingPrimeBytes + [0x09, 0x05, 0x63]
    private static let primeMinusOne: [UInt8] = leadingPrimeBytes + [0x09, 0x05, 0x62]

    private let privateKey: [UInt8]
    /// What the other side is told: 96 bytes, the most significant first.
    package let publicKey: [UInt8]

    /// - Parameter generator: must be unpredictable, except in tests.
    package init(using generator: inout some RandomNumberGenerator) {
        var key = generator.bytes(Self.privateByteCount)
        // Never a short exponent, and never zero.
        key[0] |= 0x80
        privateKey = key
        publicKey = BigNumber([2]).power(BigNumber(key), modulo: BigNumber(Self.prime))
            .bytes(count: Self.byteCount)
    }

    /// What both sides know and nobody else: 96 bytes.
    ///
    /// - Returns: `nil` for a public key with which the secret could be guessed: 0, 1, p − 1, what
    ///   exceeds them, and what has no 96 bytes.
    package func sharedSecret(with publicKey: [UInt8]) -> [UInt8]? {
        guard publicKey.count == Self.byteCount else { return nil }
        let other = BigNumber(publicKey)
        guard BigNumber([1]) < other, other < BigNumber(Self.primeMinusOne) else { return nil }
        return other.power(BigNumber(privateKey), modulo: BigNumber(Self.prime))
            .bytes(count: Self.byteCount)
    }
}
