import Cryptography
import Testing

@Suite struct DiffieHellman768Tests {
    /// Counts up in every byte.
    struct Counter: RandomNumberGenerator {
        var value: UInt64 = 0

        mutating func next() -> UInt64 {
            value &+= 0x0101_0101_0101_0101
            return value
        }
    }

    @Test func bothSidesComeToTheSameSecret() throws {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<10 {
            let one = DiffieHellman768(using: &generator)
            let other = DiffieHellman768(using: &generator)
            #expect(one.publicKey.count == DiffieHellman768.byteCount)
            #expect(one.publicKey != other.publicKey)
            let secret = try #require(one.sharedSecret(with: other.publicKey))
            #expect(secret.count == DiffieHellman768.byteCount)
            #expect(other.sharedSecret(with: one.publicKey) == secret)
        }
    }

    @Test func theSameGeneratorGivesTheSameKey() {
        var (one, other) = (Counter(), Counter())
        #expect(
            DiffieHellman768(using: &one).publicKey == DiffieHellman768(using: &other).publicKey
        )
    }

    @Test func refusesKeysThatGiveTheSecretAway() {
        var generator = SystemRandomNumberGenerator()
        let side = DiffieHellman768(using: &generator)
        let zeros = [UInt8](repeating: 0, count: 95)
        let start = Array(DiffieHellman768.prime.dropLast())
        #expect(side.sharedSecret(with: zeros + [0]) == nil)
        #expect(side.sharedSecret(with: zeros + [1]) == nil)
        #expect(side.sharedSecret(with: zeros + [2])?.elementsEqual(side.publicKey) == true)
        #expect(side.sharedSecret(with: start + [0x61]) != nil)
        #expect(side.sharedSecret(with: start + [0x62]) == nil)
        #expect(side.sharedSecret(with: DiffieHellman768.prime) == nil)
        #expect(side.sharedSecret(with: [UInt8](repeating: 0xff, count: 96)) == nil)
        #expect(side.sharedSecret(with: zeros) == nil)
        #expect(side.sharedSecret(with: []) == nil)
    }

    @Test func theGroupIsTheOneOfTheProtocol() {
        let digits = DiffieHellman768.prime.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0\(text)" : text
        }.joined()
        #expect(
            digits == """
                ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74\
                020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437\
                4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563
                """
        )
    }
}
