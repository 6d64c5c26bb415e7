import Cryptography
import Testing

@Suite struct DigestTests {
    /// FIPS 180-4 examples.
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
    ])
    func hashesWithSHA1(text: String, digest: String) {
        #expect(hex(SHA1.hash(Array(text.utf8))) == digest)
        #expect(hex(SHA1.hash(text.utf8)) == digest)
    }

    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ])
    func hashesWithSHA256(text: String, digest: String) {
        #expect(hex(SHA256.hash(Array(text.utf8))) == digest)
        var output = [UInt8](repeating: 0, count: SHA256.byteCount)
        Array(text.utf8).withUnsafeBytes { input in
            output.withUnsafeMutableBytes { SHA256.hash(input, into: $0) }
        }
        #expect(hex(output) == digest)
    }

    @Test func hashesInPartsAsInOne() {
        let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var hasher = SHA1Hasher()
        for start in stride(from: 0, to: bytes.count, by: 777) {
            hasher.update(Array(bytes[start..<min(start + 777, bytes.count)]))
        }
        #expect(hasher.finish() == SHA1.hash(bytes))
    }

    @Test func startsAnewAfterEachDigest() {
        var hasher = SHA1Hasher()
        hasher.update(Array("abc".utf8))
        let first = hasher.finish()
        hasher.update(Array("abc".utf8))
        #expect(hasher.finish() == first)
        #expect(hasher.finish() == SHA1.hash([]))
    }

    @Test func hashesOnManyThreadsAtOnce() async {
        let inputs = (0..<64).map { number in [UInt8](repeating: UInt8(number), count: 10_000) }
        let expected = inputs.map { SHA1.hash($0) }
        await withTaskGroup(of: (Int, [UInt8]).self) { group in
            for (number, input) in inputs.enumerated() {
                group.addTask {
                    var hasher = SHA1Hasher()
                    hasher.update(input)
                    return (number, hasher.finish())
                }
            }
            for await (number, digest) in group { #expect(digest == expected[number]) }
        }
    }

    @Test func handsOutDifferentRandomBytes() {
        #expect(SecureRandom.bytes(0).isEmpty)
        #expect(SecureRandom.bytes(33).count == 33)
        #expect(SecureRandom.bytes(16) != SecureRandom.bytes(16))
    }
}

private func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
