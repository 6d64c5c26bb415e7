import BitTorrentProtocol
import Testing

@testable import TorrentLogic

@Suite struct DHTRoutingTableTests {
    private let start = ContinuousClock.now
    private let own = NodeID(InfoHash(ofInfoDictionary: [0]))

    private func contact(
        _ third: Int,
        _ last: Int = 1,
        sharing bitCount: Int = 0
    ) throws
        -> NodeContact
    {
        var random = SeededGenerator(seed: UInt64(third * 256 + last))
        return NodeContact(
            id: own.sharing(bitCount: bitCount, using: &random),
            address: try #require(PeerAddress("20.1.\(third).\(last):9"))
        )
    }

    @Test func holdsEightNodesInABucket() throws {
        var table = DHTRoutingTable(ownID: own)
        for number in 0..<20 { table.answered(try contact(number), now: start) }
        #expect(table.count == 8)
        for number in 0..<20 { table.answered(try contact(number + 50, sharing: 1), now: start) }
        #expect(table.count == 16)
    }

    @Test func holdsOneNodeOfAHostAndOneOfANetworkInABucket() throws {
        var table = DHTRoutingTable(ownID: own)
        table.answered(try contact(1), now: start)
        table.answered(try contact(1, 2), now: start)
        let twin = NodeContact(
            id: try contact(9, sharing: 3).id,
            address: try #require(try contact(1).address.withPort(77))
        )
        table.answered(twin, now: start)
        #expect(table.contacts == [try contact(1)])
    }

    @Test func replacesANodeThatNoLongerAnswers() throws {
        var table = DHTRoutingTable(ownID: own)
        for number in 0..<8 { table.answered(try contact(number), now: start) }
        #expect(!table.hasPlace(for: try contact(9), now: start))
        table.failed(try contact(3))
        #expect(!table.hasPlace(for: try contact(9), now: start))
        table.failed(try contact(3))
        #expect(table.closest(to: own, count: 20).count == 7)
        table.answered(try contact(9), now: start)
        #expect(table.count == 8)
        #expect(table.contains(try contact(9)))
        #expect(!table.contains(try contact(3)))
    }

    @Test func asksAQuestionableNodeBeforeItIsReplaced() throws {
        var table = DHTRoutingTable(ownID: own)
        for number in 0..<8 {
            table.answered(try contact(number), now: start.advanced(by: .seconds(number)))
        }
        let later = start.advanced(by: .seconds(15 * 60))
        let doubtful = table.answered(try contact(9), now: later)
        #expect(doubtful == (try contact(0)))
        let none = table.answered(try contact(9), now: start)
        #expect(none == nil)
    }

    @Test func prefersANodeWhoseIDFollowsFromItsAddress() throws {
        var random = SeededGenerator(seed: 1)
        let address = try #require(PeerAddress("20.1.200.1:9"))
        var valid = NodeID(forHost: address.host, using: &random)
        while own.distance(to: valid).sharedBitCount != 0 {
            valid = NodeID(forHost: [20, 1, 200, 1], using: &random)
        }
        var table = DHTRoutingTable(ownID: own)
        for number in 0..<8 { table.answered(try contact(number), now: start) }
        table.answered(NodeContact(id: valid, address: address), now: start)
        #expect(table.count == 8)
        #expect(table.contains(NodeContact(id: valid, address: address)))
    }

    @Test func refreshesABucketAfterAQuarterOfAnHour() throws {
        var random = SeededGenerator(seed: 1)
        var table = DHTRoutingTable(ownID: own)
        do {
            let none = table.refreshTarget(now: start, using: &random)
            #expect(none == nil)
        }
        table.answered(try contact(1), now: start)
        let beyondTarget = table.refreshTarget(now: start, using: &random)
        let beyond = try #require(beyondTarget)
        #expect(own.distance(to: beyond).sharedBitCount == 1)
        do {
            let none = table.refreshTarget(now: start, using: &random)
            #expect(none == nil)
        }
        let later = start.advanced(by: .seconds(15 * 60))
        let firstTarget = table.refreshTarget(now: later, using: &random)
        let first = try #require(firstTarget)
        #expect(own.distance(to: first).sharedBitCount == 0)
    }
}

@Suite struct DHTLookupTests {
    private let own = NodeID(InfoHash(ofInfoDictionary: [0]))
    private let target = NodeID(InfoHash(ofInfoDictionary: [1]))

    private func contact(_ number: Int, sharing bitCount: Int) throws -> NodeContact {
        var random = SeededGenerator(seed: UInt64(number))
        return NodeContact(
            id: target.sharing(bitCount: bitCount, using: &random),
            address: try #require(PeerAddress("10.0.0.\(number):9"))
        )
    }

    @Test func asksFourAtATimeNearestFirst() throws {
        let contacts = try (1...9).map { try contact($0, sharing: $0) }
        var lookup = DHTLookup(target: target, ownID: own, from: contacts)
        let asked = (0..<4).compactMap { _ in lookup.next() }
        #expect(asked.map(\.address) == contacts.reversed().prefix(4).map(\.address))
        #expect(lookup.next() == nil)
        lookup.failed(asked[0].address)
        #expect(lookup.next()?.address == contacts[4].address)
    }

    @Test func endsWhenTheNearestEightHaveAnswered() throws {
        let contacts = try (1...20).map { try contact($0, sharing: $0) }
        var lookup = DHTLookup(target: target, ownID: own, from: contacts)
        var count = 0
        while let candidate = lookup.next() {
            count += 1
            let id = try #require(candidate.id)
            let isTaken = lookup.answered(candidate.address, id: id, nodes: [], token: [1])
            #expect(isTaken)
        }
        #expect(count == 8)
        #expect(lookup.isFinished)
        #expect(lookup.closest.map(\.contact) == Array(contacts.reversed().prefix(8)))
        #expect(lookup.closest.allSatisfy { $0.token == [1] })
    }

    @Test func voidsTheAnswerOfANodeWithAnotherID() throws {
        var lookup = DHTLookup(target: target, ownID: own, from: [try contact(1, sharing: 1)])
        let candidate = lookup.next()
        let address = try #require(candidate?.address)
        let isTaken = lookup.answered(address, id: own, nodes: [], token: nil)
        #expect(!isTaken)
        #expect(lookup.isFinished && lookup.closest.isEmpty)
    }

    @Test func takesOneNodeOfANetwork() throws {
        var lookup = DHTLookup(target: target, ownID: own, from: [])
        let start = try #require(PeerAddress("10.0.0.1:9"))
        lookup.add(address: start)
        _ = lookup.next()
        var random = SeededGenerator(seed: 1)
        let crowd = try (1...16).map {
            NodeContact(
                id: NodeID(using: &random),
                address: try #require(PeerAddress("20.0.0.\($0):9"))
            )
        }
        let isTaken = lookup.answered(start, id: own, nodes: crowd, token: nil)
        let next = [lookup.next(), lookup.next()]
        #expect(isTaken)
        #expect(next[0] != nil && next[1] == nil)
    }
}

@Suite struct DHTLocalAddressTests {
    @Test func aNodeFromAfarCannotSendALookupIntoTheLocalNetwork() throws {
        var random = SeededGenerator(seed: 1)
        let own = NodeID(using: &random)
        let local = NodeContact(
            id: NodeID(using: &random),
            address: try #require(PeerAddress("192.168.1.1:53"))
        )
        for (text, isFollowed) in [("20.0.0.1:9", false), ("192.168.1.7:9", true)] {
            var lookup = DHTLookup(target: own, ownID: own, from: [])
            let start = try #require(PeerAddress(text))
            lookup.add(address: start)
            _ = lookup.next()
            _ = lookup.answered(start, id: local.id, nodes: [local], token: nil)
            let next = lookup.next()
            #expect((next?.address == local.address) == isFollowed)
        }
    }
}

@Suite struct DHTTokensTests {
    @Test func aTokenIsGoodForTenMinutesAndOneHost() throws {
        var random = SeededGenerator(seed: 1)
        let start = ContinuousClock.now
        let address = try #require(PeerAddress("1.2.3.4:5"))
        var tokens = DHTTokens(now: start, using: &random)
        let token = tokens.token(for: address)
        #expect(tokens.isValid(token, for: try #require(address.withPort(6))))
        #expect(!tokens.isValid(token, for: try #require(PeerAddress("1.2.3.5:5"))))
        tokens.rotate(now: start.advanced(by: .seconds(300)), using: &random)
        #expect(tokens.isValid(token, for: address))
        #expect(tokens.token(for: address) != token)
        tokens.rotate(now: start.advanced(by: .seconds(600)), using: &random)
        #expect(!tokens.isValid(token, for: address))
    }
}

@Suite struct DHTPeerStoreTests {
    private let start = ContinuousClock.now
    private let hash = InfoHash(ofInfoDictionary: [1])

    private func address(_ number: Int, port: UInt16 = 9) throws -> PeerAddress {
        try #require(
            PeerAddress(host: [1, 2, UInt8(number >> 8), UInt8(number & 255)], port: port)
        )
    }

    @Test func keepsAHundredPeersOfATorrentTheNewest() throws {
        var random = SeededGenerator(seed: 1)
        var store = DHTPeerStore()
        for number in 0..<150 {
            store.add(
                try address(number),
                to: hash,
                isSeed: false,
                now: start.advanced(by: .seconds(number))
            )
        }
        let peers = store.peers(of: hash, isIPv6: false, count: 1000, using: &random)
        #expect(Set(peers) == Set(try (50..<150).map { try address($0) }))
        #expect(store.peers(of: hash, isIPv6: true, count: 9, using: &random).isEmpty)
        #expect(store.peers(of: hash, isIPv6: false, count: 9, using: &random).count == 9)
    }

    @Test func boundsTheTorrentsAndExpiresThem() throws {
        var store = DHTPeerStore()
        for number in 0..<2100 {
            store.add(
                try address(1),
                to: InfoHash(ofInfoDictionary: [UInt8(number >> 8), UInt8(number & 255)]),
                isSeed: false,
                now: start
            )
        }
        #expect(store.torrentCount == DHTPeerStore.maximumTorrentCount)
        store.expire(now: start.advanced(by: .seconds(30 * 60 - 1)))
        #expect(store.torrentCount == DHTPeerStore.maximumTorrentCount)
        store.expire(now: start.advanced(by: .seconds(30 * 60)))
        #expect(store.torrentCount == 0)
    }

    @Test func tellsSeedsFromLeechers() throws {
        var random = SeededGenerator(seed: 1)
        var store = DHTPeerStore()
        #expect(store.filters(of: hash) == nil)
        store.add(try address(1), to: hash, isSeed: true, now: start)
        store.add(try address(2), to: hash, isSeed: false, now: start)
        #expect(
            store.peers(of: hash, isIPv6: false, excludesSeeds: true, count: 9, using: &random)
                == [try address(2)]
        )
        let filters = try #require(store.filters(of: hash))
        #expect((0.9...1.1).contains(filters.seeds.estimatedCount))
        #expect((0.9...1.1).contains(filters.leechers.estimatedCount))
    }
}
