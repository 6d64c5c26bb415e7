import Bencode
import TestSupport
import Testing

@testable import BitTorrentProtocol

@Suite struct KRPCMessageTests {
    static let id = NodeID(InfoHash(ofInfoDictionary: [1]))
    static let hash = InfoHash(ofInfoDictionary: [2])

    static func contacts(_ texts: [String]) -> [NodeContact] {
        texts.compactMap { PeerAddress($0) }.map { NodeContact(id: id, address: $0) }
    }

    static func query(
        _ method: KRPCQuery.Method,
        wants: KRPCQuery.Families = [],
        isReadOnly: Bool = false
    ) -> KRPCMessage {
        KRPCMessage(
            transactionID: [1, 2],
            body: .query(
                KRPCQuery(sender: id, method: method, wants: wants, isReadOnly: isReadOnly)
            ),
            version: Array("SL01".utf8)
        )
    }

    static var response: KRPCMessage {
        var response = KRPCResponse(sender: id)
        response.nodes = contacts(["1.2.3.4:5", "6.7.8.9:10"])
        response.nodes6 = contacts(["[2001:db8::1]:5"])
        response.peers = ["1.1.1.1:1", "[2001:db8::2]:2"].compactMap { PeerAddress($0) }
        response.token = [9, 9, 9]
        return KRPCMessage(
            transactionID: [7],
            body: .response(response),
            receiver: PeerAddress("5.5.5.5:5")
        )
    }

    static var scrape: KRPCMessage {
        var response = KRPCResponse(sender: id)
        var filter = BloomFilter()
        filter.insert(host: [1, 2, 3, 4])
        response.seedFilter = filter
        response.leecherFilter = BloomFilter()
        return KRPCMessage(transactionID: [7], body: .response(response))
    }

    static var samples: [KRPCMessage] {
        [
            query(.ping),
            query(.ping, isReadOnly: true),
            query(.findNode(target: id), wants: [.ipv4, .ipv6]),
            query(.getPeers(hash, options: [])),
            query(.getPeers(hash, options: [.excludesSeeds, .scrape]), wants: .ipv6),
            query(.announcePeer(.init(infoHash: hash, port: 6881, token: [1]))),
            query(.announcePeer(.init(infoHash: hash, port: nil, token: [1], isSeed: true))),
            query(.unknown(name: "vote")),
            response,
            scrape,
            KRPCMessage(transactionID: [], body: .error(code: 203, text: "no")),
        ]
    }

    @Test(arguments: samples) func readsWhatItWrites(_ message: KRPCMessage) throws {
        #expect(try KRPCMessage(decoding: message.encode()) == message)
    }

    @Test func readsTheExamplesOfTheSpecification() throws {
        let ping = try KRPCMessage(
            decoding: Array("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe".utf8)
        )
        #expect(ping.transactionID == Array("aa".utf8))
        #expect(
            ping.body
                == .query(
                    KRPCQuery(
                        sender: try #require(NodeID(bytes: Array("abcdefghij0123456789".utf8))),
                        method: .ping
                    )
                )
        )
        let error = try KRPCMessage(
            decoding: Array("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee".utf8)
        )
        #expect(error.body == .error(code: 201, text: "A Generic Error Ocurred"))
    }

    @Test func namesTheQueryThatDeservesAnError() {
        let text = "d1:ad2:id20:abcdefghij0123456789e1:q9:get_peers1:t2:aa1:y1:qe"
        #expect(
            throws: KRPCError.malformed(
                key: "info_hash",
                queryTransactionID: Array("aa".utf8)
            )
        ) { try KRPCMessage(decoding: Array(text.utf8)) }
    }

    @Test(arguments: [26, 38]) func refusesAListOfNodesThatIsNotWhole(byteCount: Int) {
        let key = byteCount == 26 ? "nodes" : "nodes6"
        let item: BencodeItem = [
            "t": "a", "y": "r",
            "r": .dictionary([
                Array("id".utf8): .string(Self.id.bytes),
                Array(key.utf8): .string([UInt8](repeating: 1, count: byteCount + 1)),
            ]),
        ]
        #expect(throws: KRPCError.malformed(key: key, queryTransactionID: nil)) {
            try KRPCMessage(decoding: BencodeEncoder.encode(item))
        }
    }

    @Test func leavesOutPortZero() throws {
        let compact = Self.id.bytes + [1, 2, 3, 4, 0, 0] + Self.id.bytes + [1, 2, 3, 4, 0, 1]
        #expect(NodeContact.list(compact: compact[...], isIPv6: false)?.count == 1)
        let text = "d1:ad2:id20:abcdefghij01234567899:info_hash20:abcdefghij01234567894:porti0e"
        let query = text + "5:token1:ae1:q13:announce_peer1:t2:aa1:y1:qe"
        #expect(
            throws: KRPCError.malformed(key: "port", queryTransactionID: Array("aa".utf8))
        ) { try KRPCMessage(decoding: Array(query.utf8)) }
    }

    @Test func refusesLongEchoesAndPackets() {
        var message = Self.query(.ping)
        message.transactionID = [UInt8](repeating: 1, count: 65)
        #expect(throws: KRPCError.malformed(key: "t", queryTransactionID: nil)) {
            try KRPCMessage(decoding: message.encode())
        }
        #expect(throws: KRPCError.self) {
            try KRPCMessage(decoding: [UInt8](repeating: 0x6c, count: 5000))
        }
    }

    @Test func refusesEveryTruncation() {
        for message in Self.samples {
            let bytes = message.encode()
            for count in bytes.indices {
                #expect(throws: KRPCError.self) {
                    try KRPCMessage(decoding: Array(bytes.prefix(count)))
                }
            }
        }
    }

    @Test func survivesDamagedInput() {
        var mutator = Mutator(seed: 5)
        let alphabet = Array("deil:0123456789-".utf8) + [0, 0xff]
        let samples = Self.samples.map { $0.encode() }
        for number in 0..<100_000 {
            let bytes = mutator.mutate(samples[number % samples.count], alphabet: alphabet)
            guard let message = try? KRPCMessage(decoding: bytes) else { continue }
            if (try? KRPCMessage(decoding: message.encode())) != message {
                Issue.record("\(bytes)")
                return
            }
        }
    }
}

@Suite struct DHTTokenTests {
    @Test func dependsOnHostAndSecret() {
        let token = DHTToken(host: [1, 2, 3, 4], secret: [1])
        #expect(token == DHTToken(host: [1, 2, 3, 4], secret: [1]))
        #expect(token != DHTToken(host: [1, 2, 3, 5], secret: [1]))
        #expect(token != DHTToken(host: [1, 2, 3, 4], secret: [2]))
        #expect(token.bytes.count == DHTToken.byteCount)
    }
}
