import BitTorrentProtocol
import Testing

@Suite struct IdentityTests {
    @Test func writesAndReadsHex() throws {
        let text = "0123456789abcdef0123456789abcdef01234567"
        let hash = try #require(InfoHash(hex: text))
        #expect(hash.hex == text)
        #expect("\(hash)" == text)
        #expect(InfoHash(hex: text.uppercased()) == hash)
        #expect(InfoHash(bytes: hash.bytes) == hash)
        #expect(Set([hash, hash]).count == 1)
    }

    @Test(arguments: [
        "", "0123", "0123456789abcdef0123456789abcdef0123456g",
        "0123456789abcdef0123456789abcdef0123456", "0123456789abcdef0123456789abcdef012345678",
        "０123456789abcdef0123456789abcdef01234",
    ])
    func refusesOtherText(text: String) {
        #expect(InfoHash(hex: text) == nil)
    }

    @Test func hashesInfoDictionaries() {
        #expect(
            InfoHash(ofInfoDictionary: Array("abc".utf8)).hex
                == "a9993e364706816aba3e25717850c26c9cd0d89d"
        )
    }

    @Test func makesPeerIDsWithThePrefix() {
        var generator = Mutator(seed: 3)
        let first = PeerID(using: &generator)
        let second = PeerID(using: &generator)
        #expect(first.bytes.count == 20)
        #expect(first.bytes.starts(with: "-SL0100-".utf8))
        #expect(first != second)
        var again = Mutator(seed: 3)
        #expect(PeerID(using: &again) == first)
        #expect(PeerID(bytes: [1, 2, 3]) == nil)
    }
}
