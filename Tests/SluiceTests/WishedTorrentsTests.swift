import BitTorrentProtocol
import Testing
import TorrentEngine

@testable import sluice

@Suite struct WishedTorrentsTests {
    let hash = InfoHash(ofInfoDictionary: [1])

    @Test func aPinnedLinkIsFetchedAsFarAsItSays() {
        var wished = WishedTorrents()
        wished.add([], of: hash, selecting: [1...2])
        #expect(wished.wishes.isEmpty && wished.selections.isEmpty)
        wished.add(.seed, of: hash, selecting: [1...2])
        #expect(wished.selections.isEmpty)
        wished.add(.pin, of: hash, selecting: [4...5])
        #expect(wished.selections == [hash: [4...5]])
        wished.add(.pin, of: hash, selecting: [1...2])
        #expect(wished.selections == [hash: [1...2, 4...5]])
        #expect(wished.wishes == [hash: [.seed, .pin]])
    }

    @Test func aTorrentCountsInTheFirstOfItsRoutes() {
        var small = Configuration.Route(name: "small")
        small.cacheSize = 32 << 20
        let others = [1, 2].map { InfoHash(ofInfoDictionary: [UInt8($0)]) }
        var wished = WishedTorrents()
        wished.show([others[0]], in: Configuration.Route(name: "films"))
        wished.show(others, in: small)
        #expect(wished.groups == [others[1]: "small"])
    }

    @Test func whoeverPinsATorrentWholeHasItWhole() {
        for order in [[nil, [1...1]], [[1...1], nil], [[1...1], nil, [2...2]]]
            as [[[ClosedRange<Int>]?]]
        {
            var wished = WishedTorrents()
            for selection in order { wished.add(.pin, of: hash, selecting: selection) }
            #expect(wished.selections.isEmpty)
        }
    }
}
