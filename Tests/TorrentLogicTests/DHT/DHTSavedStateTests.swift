import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct DHTSavedStateTests {
    private func state(ipv4: Int, ipv6: Int) throws -> DHTNode.SavedState {
        var generator = SeededGenerator(seed: 4)
        var contacts: [NodeContact] = []
        for number in 0..<ipv4 + ipv6 {
            let byte = UInt8(number % 200 + 1)
            let host: [UInt8] =
                number < ipv4 ? [9, 9, 9, byte] : [0x20] + Array(repeating: byte, count: 15)
            contacts.append(
                NodeContact(
                    id: NodeID(using: &generator),
                    address: try #require(PeerAddress(host: host, port: 6881))
                )
            )
        }
        return DHTNode.SavedState(
            ipv4ID: NodeID(using: &generator),
            ipv6ID: ipv6 > 0 ? NodeID(using: &generator) : nil,
            contacts: contacts
        )
    }

    @Test(arguments: [(0, 0), (3, 0), (3, 2), (0, 5), (200, 100)])
    func readsWhatItWrites(ipv4: Int, ipv6: Int) throws {
        let state = try state(ipv4: ipv4, ipv6: ipv6)
        #expect(DHTNode.SavedState(bytes: state.bytes) == state)
        #expect(DHTNode.SavedState(bytes: DHTNode.SavedState().bytes) == DHTNode.SavedState())
    }

    @Test func nothingElseIsRead() throws {
        let bytes = try state(ipv4: 3, ipv6: 2).bytes
        for count in 0..<bytes.count where count != bytes.count - 38 && count != bytes.count - 76 {
            #expect(DHTNode.SavedState(bytes: Array(bytes.prefix(count))) == nil)
        }
        #expect(DHTNode.SavedState(bytes: [2] + bytes.dropFirst()) == nil)
        #expect(DHTNode.SavedState(bytes: [1, 4] + bytes.dropFirst(2)) == nil)
    }
}

@Suite struct DHTBootstrapTests {
    @Test func aNodeThatKnowsNobodyAsksWhereItIsToldToStart() throws {
        let now = ContinuousClock.now
        var configuration = DHTNode.Configuration()
        configuration.families = .ipv4
        var node = DHTNode(
            configuration: configuration,
            generator: SeededGenerator(seed: 1),
            now: now
        )
        #expect(node.takeActions() == [])
        let address = try #require(PeerAddress(host: [9, 9, 9, 9], port: 6881))
        node.setBootstrapAddresses([address], now: now)
        let sent = node.takeActions().map { action in
            if case .send(_, let address) = action { address } else { nil as PeerAddress? }
        }
        #expect(sent == [address])
    }
}
