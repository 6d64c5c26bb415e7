import BitTorrentProtocol
import Testing

@testable import TorrentLogic

@Suite struct DHTNetworkTests {
    private static let hash = InfoHash(ofInfoDictionary: [42])

    private static func address(_ number: Int, isIPv6: Bool = false) throws -> PeerAddress {
        try #require(
            isIPv6
                ? PeerAddress("[2001:db8:0:\(String(number, radix: 16))::1]:6881")
                : PeerAddress("20.1.\(number).7:6881")
        )
    }

    private static func network(
        count: Int,
        seed: UInt64,
        isIPv6: Bool = false,
        lossPercentage: Int = 0
    ) throws -> VirtualDHT {
        var network = VirtualDHT(seed: seed, lossPercentage: lossPercentage)
        for number in 0..<count {
            network.join(try address(number, isIPv6: isIPv6))
            network.run(for: .milliseconds(500))
        }
        network.run(for: .seconds(120))
        return network
    }

    @Test(arguments: [(1, false, 0), (2, true, 0), (3, false, 5)] as [(UInt64, Bool, Int)])
    func aLookupFindsThePeersThatAnnounced(
        seed: UInt64,
        isIPv6: Bool,
        lossPercentage: Int
    ) throws {
        var network = try Self.network(
            count: 60,
            seed: seed,
            isIPv6: isIPv6,
            lossPercentage: lossPercentage
        )
        let announcers = [3, 17, 31, 44, 58].map { network.addresses[$0] }
        for address in announcers {
            network.at(address) { _ = $0.announce(Self.hash, port: 7000, now: $1) }
        }
        network.run(for: .seconds(30))
        #expect(network.finishedCount == announcers.count)
        for seeker in [5, 25, 50].map({ network.addresses[$0] }) {
            network.at(seeker) { _ = $0.getPeers(Self.hash, now: $1) }
            network.run(for: .seconds(30))
            #expect(network.found[seeker] == Set(announcers.compactMap { $0.withPort(7000) }))
        }
        #expect(network.finishedCount == announcers.count + 3)
    }

    @Test func everyNodeLearnsItsAddressAndTakesAnIDThatFollowsFromIt() throws {
        let network = try Self.network(count: 50, seed: 4)
        for (address, node) in network.nodes {
            #expect(node.externalHost(isIPv6: false) == address.host)
            #expect(node.savedState.ipv4ID?.isValid(for: address) == true)
            #expect(node.nodeCount >= 8)
        }
    }

    /// BEP 24: trackers vote as nodes do, and nobody twice.
    @Test func trackersTellANodeWhereItIs() {
        var node = DHTNode(
            configuration: DHTNode.Configuration(),
            generator: SeededGenerator(seed: 24),
            now: .now
        )
        let host: [UInt8] = [203, 0, 113, 9]
        for tracker in ["a", "a", "b", "c", "d", "d"] {
            node.heardOwnHost(host, from: tracker, now: .now)
        }
        node.heardOwnHost([0, 0, 0, 0], from: "e", now: .now)
        node.heardOwnHost([1, 2, 3], from: "f", now: .now)
        #expect(node.externalHost(isIPv6: false) == nil)
        node.heardOwnHost(host, from: "g", now: .now)
        #expect(node.externalHost(isIPv6: false) == host)
        let address = PeerAddress(host: host, port: 1)
        #expect(address.map { node.savedState.ipv4ID?.isValid(for: $0) == true } == true)
    }

    @Test func aReadOnlyNodeFindsPeersAndIsInNoTable() throws {
        var network = try Self.network(count: 50, seed: 5)
        let announcer = network.addresses[9]
        network.at(announcer) { _ = $0.announce(Self.hash, port: nil, now: $1) }
        let reader = try Self.address(200)
        network.join(reader, isReadOnly: true)
        network.run(for: .seconds(60))
        network.at(reader) { _ = $0.getPeers(Self.hash, now: $1) }
        network.run(for: .seconds(30))
        #expect(network.found[reader] == [announcer])
        for node in network.nodes.values {
            #expect(!node.savedState.contacts.contains { $0.address == reader })
        }
    }

    @Test func aSavedTableReplacesTheBootstrap() throws {
        var network = try Self.network(count: 50, seed: 6)
        network.at(network.addresses[9]) { _ = $0.announce(Self.hash, port: 1, now: $1) }
        let old = network.addresses[20]
        let saved = try #require(network.nodes[old]?.savedState)
        #expect(saved.contacts.count >= 8)
        network.leave(old)
        network.leave(network.addresses[0])
        network.run(for: .seconds(60))
        network.join(old, saved: saved)
        network.run(for: .seconds(30))
        network.at(old) { _ = $0.getPeers(Self.hash, now: $1) }
        network.run(for: .seconds(30))
        #expect(network.found[old]?.count == 1)
        #expect(network.nodes[old]?.savedState.ipv4ID == saved.ipv4ID)
    }

    @Test func aSavedTableIsTriedAgainIfThereWasNoNetworkAtTheStart() throws {
        var network = try Self.network(count: 50, seed: 10)
        network.at(network.addresses[9]) { _ = $0.announce(Self.hash, port: 1, now: $1) }
        network.run(for: .seconds(30))
        let old = network.addresses[20]
        let saved = try #require(network.nodes[old]?.savedState)
        network.leave(old)
        network.lossPercentage = 100
        network.join(old, saved: saved)
        network.run(for: .seconds(45))
        #expect(network.nodes[old]?.nodeCount == 0)
        #expect(network.nodes[old]?.savedState.contacts == saved.contacts)
        network.lossPercentage = 0
        network.run(for: .seconds(60))
        network.at(old) { _ = $0.getPeers(Self.hash, now: $1) }
        network.run(for: .seconds(30))
        #expect(network.found[old]?.count == 1)
    }

    @Test func findsItsWayAgainAfterTheNetworkWasGone() throws {
        var network = try Self.network(count: 50, seed: 11)
        let seeker = network.addresses[20]
        // What it has asked meanwhile has not been answered: all that it knows looks dead.
        network.leave(network.addresses[0])
        network.lossPercentage = 100
        for number in 0..<40 {
            network.at(seeker) {
                _ = $0.getPeers(InfoHash(ofInfoDictionary: [UInt8(number)]), now: $1)
            }
            network.run(for: .seconds(30))
        }
        network.lossPercentage = 0
        network.run(for: .seconds(120))
        let announcer = network.addresses[9]
        network.at(announcer) { _ = $0.announce(Self.hash, port: 1, now: $1) }
        network.run(for: .seconds(30))
        network.at(seeker) { _ = $0.getPeers(Self.hash, now: $1) }
        network.run(for: .seconds(30))
        #expect(network.found[seeker]?.count == 1)
    }

    @Test func lookupsSurviveThatHalfTheNodesLeave() throws {
        var network = try Self.network(count: 60, seed: 7)
        for address in network.addresses.enumerated().filter({ $0.offset % 2 == 1 }).map(\.element)
        {
            network.leave(address)
        }
        let announcer = network.addresses[5]
        network.at(announcer) { _ = $0.announce(Self.hash, port: 7, now: $1) }
        network.run(for: .seconds(120))
        let seeker = network.addresses[20]
        network.at(seeker) { _ = $0.getPeers(Self.hash, now: $1) }
        network.run(for: .seconds(120))
        #expect(network.found[seeker] == [try #require(announcer.withPort(7))])
    }

    @Test func announcementsExpireAfterHalfAnHour() throws {
        var network = try Self.network(count: 20, seed: 8)
        network.at(network.addresses[5]) { _ = $0.announce(Self.hash, port: 7, now: $1) }
        network.run(for: .seconds(35 * 60))
        let seeker = network.addresses[9]
        network.at(seeker) { _ = $0.getPeers(Self.hash, now: $1) }
        network.run(for: .seconds(60))
        #expect(network.found[seeker] == nil)
        #expect(network.nodes[seeker]?.nodeCount ?? 0 >= 8)
    }

    @Test func sendsNoMoreThanItsRate() throws {
        var network = try Self.network(count: 30, seed: 9)
        let address = network.addresses[5]
        let before = network.sentByteCount[address] ?? 0
        for number in 0..<200 {
            network.at(address) {
                _ = $0.getPeers(InfoHash(ofInfoDictionary: [UInt8(number), 1]), now: $1)
            }
        }
        network.run(for: .seconds(10))
        #expect((network.sentByteCount[address] ?? 0) - before < 8000 * 12)
        network.run(for: .seconds(300))
        #expect(network.finishedCount == 200)
    }
}

@Suite struct DHTNodeTests {
    private let start = ContinuousClock.now
    private let own = NodeID(InfoHash(ofInfoDictionary: [0]))
    private let other = NodeID(InfoHash(ofInfoDictionary: [1]))
    private let hash = InfoHash(ofInfoDictionary: [2])

    private func node(_ change: (inout DHTNode.Configuration) -> Void = { _ in }) -> DHTNode {
        var configuration = DHTNode.Configuration()
        configuration.families = .ipv4
        change(&configuration)
        return DHTNode(
            configuration: configuration,
            saved: .init(ipv4ID: own),
            generator: SeededGenerator(seed: 1),
            now: start
        )
    }

    private func address(_ text: String) throws -> PeerAddress { try #require(PeerAddress(text)) }

    private func query(_ method: KRPCQuery.Method, isReadOnly: Bool = false) -> [UInt8] {
        KRPCMessage(
            transactionID: [1],
            body: .query(KRPCQuery(sender: other, method: method, isReadOnly: isReadOnly))
        ).encode()
    }

    private func sent(_ node: inout DHTNode) throws -> [KRPCMessage] {
        try node.takeActions().compactMap { action in
            guard case .send(let bytes, _) = action else { return nil }
            return try KRPCMessage(decoding: bytes)
        }
    }

    private func pong(_ query: KRPCMessage, id: NodeID) -> [UInt8] {
        KRPCMessage(
            transactionID: query.transactionID,
            body: .response(KRPCResponse(sender: id))
        ).encode()
    }

    @Test func storesASenderOnlyOnceItHasAnswered() throws {
        var node = node()
        let from = try address("20.1.1.1:5")
        node.received(query(.ping), from: from, now: start)
        let messages = try sent(&node)
        #expect(messages.count == 2)
        #expect(node.nodeCount == 0)
        let ping = try #require(messages.last)
        node.received(pong(ping, id: other), from: try address("20.1.1.2:5"), now: start)
        node.received(pong(ping, id: other), from: try address("20.1.1.1:6"), now: start)
        var forged = ping
        forged.transactionID = [0, 0, 0, 0]
        node.received(pong(forged, id: other), from: from, now: start)
        #expect(node.nodeCount == 0)
        node.received(pong(ping, id: other), from: from, now: start)
        #expect(node.nodeCount == 1)
        #expect(node.savedState.contacts == [NodeContact(id: other, address: from)])
    }

    @Test func storesNeitherReadOnlyNodesNorItself() throws {
        var node = node()
        node.received(query(.ping, isReadOnly: true), from: try address("20.1.1.1:5"), now: start)
        #expect(try sent(&node).count == 1)
        node.heardOf(try address("20.1.1.3:5"), now: start)
        let ping = try #require(try sent(&node).first)
        node.received(pong(ping, id: own), from: try address("20.1.1.3:5"), now: start)
        #expect(node.nodeCount == 0)
    }

    @Test func aReadOnlyNodeAnswersNobody() throws {
        var node = node { $0.isReadOnly = true }
        node.received(query(.ping), from: try address("20.1.1.1:5"), now: start)
        node.received(
            Array("d1:q4:ping1:t1:a1:y1:qe".utf8),
            from: try address("20.1.1.1:5"),
            now: start
        )
        #expect(node.takeActions().isEmpty)
    }

    @Test func takesAnAnnounceOnlyWithATokenOfTheSameHost() throws {
        var node = node()
        let from = try address("20.1.1.1:5")
        node.received(query(.getPeers(hash, options: [])), from: from, now: start)
        guard case .response(let response)? = try sent(&node).first?.body else {
            Issue.record("no answer")
            return
        }
        let token = try #require(response.token)
        let announce = query(.announcePeer(.init(infoHash: hash, port: 9, token: token)))
        node.received(announce, from: try address("20.1.1.2:5"), now: start)
        guard case .error(KRPCErrorCode.malformed, _)? = try sent(&node).first?.body else {
            Issue.record("taken")
            return
        }
        #expect(node.store.torrentCount == 0)
        // A NAT may have given it another port meanwhile.
        node.received(announce, from: try address("20.1.1.1:6"), now: start)
        #expect(node.store.torrentCount == 1)
    }

    @Test func answersUnknownMethodsAndMalformedQueriesWithErrors() throws {
        var node = node()
        let from = try address("20.1.1.1:5")
        node.received(query(.unknown(name: "vote")), from: from, now: start)
        #expect(
            try sent(&node).first?.body == .error(code: 204, text: "method unknown")
        )
        node.received(Array("d1:q4:ping1:t1:a1:y1:qe".utf8), from: from, now: start)
        #expect(try sent(&node).first?.body == .error(code: 203, text: "malformed a"))
        node.received(Array("nonsense".utf8), from: from, now: start)
        node.received([], from: from, now: start)
        #expect(node.takeActions().isEmpty)
    }

    @Test func blocksASourceThatAsksTooMuch() throws {
        var node = node()
        let from = try address("20.1.1.1:5")
        for _ in 0..<20 { node.received(query(.ping, isReadOnly: true), from: from, now: start) }
        #expect(try sent(&node).count == 5)
        let later = start.advanced(by: .seconds(299))
        node.received(query(.ping, isReadOnly: true), from: from, now: later)
        #expect(node.takeActions().isEmpty)
        node.received(
            query(.ping, isReadOnly: true),
            from: from,
            now: start.advanced(by: .seconds(301))
        )
        #expect(try sent(&node).count == 1)
    }

    @Test func peersThatTellOfManyNodesDoNotMakeItSendMore() throws {
        var node = node()
        for port in 1...2000 {
            node.heardOf(try address("20.1.1.1:\(port)"), now: start)
        }
        let byteCount = try sent(&node).reduce(0) { $0 + $1.encode().count }
        #expect(byteCount > 0 && byteCount < 8200)
    }

    @Test func namesNodesOfTheFamiliesThatAreWanted() throws {
        var node = node { $0.families = [.ipv4, .ipv6] }
        let near = [try address("20.1.1.1:5"), try address("[2001:db8::1]:5")]
        for address in near {
            node.heardOf(address, now: start)
            let ping = try #require(try sent(&node).first)
            node.received(pong(ping, id: other), from: address, now: start)
        }
        #expect(node.nodeCount == 2)
        for (wants, counts) in [
            ([], [1, nil]), (.ipv4, [1, nil]), (.ipv6, [nil, 1]), ([.ipv4, .ipv6], [1, 1]),
        ] as [(KRPCQuery.Families, [Int?])] {
            let query = KRPCQuery(
                sender: own.sharing(bitCount: 9, using: &node.generator),
                method: .findNode(target: other),
                wants: wants,
                isReadOnly: true
            )
            node.received(
                KRPCMessage(transactionID: [1], body: .query(query)).encode(),
                from: try address("20.1.1.9:5"),
                now: start
            )
            guard case .response(let response)? = try sent(&node).first?.body else {
                Issue.record("no answer")
                return
            }
            #expect([response.nodes?.count, response.nodes6?.count] == counts)
        }
    }

    @Test func survivesDamagedPackets() throws {
        var random = SeededGenerator(seed: 3)
        var node = node { $0.bytesPerSecond = 1 << 30 }
        let samples = [
            query(.ping), query(.getPeers(hash, options: .scrape)), query(.findNode(target: other)),
            query(.announcePeer(.init(infoHash: hash, port: 9, token: [1, 2]))),
        ]
        var now = start
        for number in 0..<100_000 {
            var bytes = samples[number % samples.count]
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = .random(
                    in: 0...255,
                    using: &random
                )
            }
            let host = (0..<4).map { _ in UInt8.random(in: 1...223, using: &random) }
            node.received(bytes, from: try #require(PeerAddress(host: host, port: 5)), now: now)
            _ = node.takeActions()
            if number % 100 == 0 {
                now = now.advanced(by: .seconds(5))
                node.timerFired(now: now)
            }
        }
        #expect(node.nodeCount == 0)
        #expect(node.transactions.count <= DHTNode.maximumTransactionCount)
    }
}
