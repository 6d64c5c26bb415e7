import BitTorrentProtocol
import Testing

@Suite struct SwarmHashesTests {
    private let first = InfoHash(ofInfoDictionary: [1])
    private let whole = Version2InfoHash(ofInfoDictionary: [1])
    private var second: InfoHash { whole.truncated }

    @Test func aHybridHasTwoNames() {
        let hybrid = SwarmHashes(of: first, whole)
        #expect(hybrid.all == [first, second])
        #expect(hybrid.capabilities == .version2)
        #expect(SwarmHashes(of: first, nil).all == [first])
        #expect(SwarmHashes(of: first, nil).capabilities == [])
        let pure = SwarmHashes(of: second, whole)
        #expect(pure.all == [second])
        #expect(pure.version1 == nil && pure.capabilities == [])
    }

    @Test func aHandshakeEndsUnderVersion2IfBothSidesCan() {
        let hybrid = SwarmHashes(of: first, whole)
        #expect(hybrid.answer(to: first, from: .version2) == second)
        #expect(hybrid.answer(to: first, from: .fast) == first)
        #expect(hybrid.answer(to: second, from: .fast) == second)
        #expect(hybrid.accepts(second, to: first))
        #expect(hybrid.accepts(first, to: first))
        #expect(!hybrid.accepts(first, to: second))
        #expect(!SwarmHashes(of: first, nil).accepts(second, to: first))
        #expect(hybrid.speaksVersion2(under: second))
        #expect(!hybrid.speaksVersion2(under: first))
        #expect(SwarmHashes(of: first, nil).answer(to: first, from: .version2) == first)
    }
}
