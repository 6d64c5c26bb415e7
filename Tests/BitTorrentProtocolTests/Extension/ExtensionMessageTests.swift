import Bencode
import TestSupport
import Testing

@testable import BitTorrentProtocol

private let alphabet = Array("deil:0123456789-".utf8) + [0, 0xff]

/// Feeds damaged payloads; what is accepted must be written and read back the same.
private func fuzz<Message: Equatable>(
    _ samples: [[UInt8]],
    seed: UInt64,
    decode: ([UInt8]) throws -> Message,
    encode: (Message) -> [UInt8]
) {
    var mutator = Mutator(seed: seed)
    for number in 0..<100_000 {
        let bytes = mutator.mutate(samples[number % samples.count], alphabet: alphabet)
        guard let message = try? decode(bytes) else { continue }
        if (try? decode(encode(message))) != message {
            Issue.record("\(bytes)")
            return
        }
    }
}

@Suite struct ExtensionHandshakeTests {
    static var sample: ExtensionHandshake {
        var handshake = ExtensionHandshake(offering: PeerExtension.allCases)
        handshake.client = "Client 1.0"
        handshake.port = 6881
        handshake.maximumRequestCount = 500
        handshake.metadataByteCount = 31_235
        handshake.receiverHost = [1, 2, 3, 4]
        handshake.ipv4Host = [5, 6, 7, 8]
        handshake.ipv6Host = [UInt8](repeating: 9, count: 16)
        handshake.isUploadOnly = true
        return handshake
    }

    @Test func readsWhatItWrites() throws {
        #expect(try ExtensionHandshake(decoding: Self.sample.encode()) == Self.sample)
        #expect(
            try ExtensionHandshake(decoding: ExtensionHandshake().encode()) == ExtensionHandshake()
        )
    }

    @Test func namesEachExtensionOnce() {
        #expect(Set(PeerExtension.allCases.map(\.localID)).count == PeerExtension.allCases.count)
        for one in PeerExtension.allCases {
            #expect(PeerExtension(localID: one.localID) == one)
            #expect(one.localID != ExtensionHandshake.messageID)
        }
    }

    @Test func takesAnIDOfZeroAsSwitchedOff() throws {
        let payload = Array("d1:md11:ut_metadatai0e6:ut_pexi5eee".utf8)
        let handshake = try ExtensionHandshake(decoding: payload)
        #expect(handshake.messageID(of: .metadata) == nil)
        #expect(handshake.messageID(of: .peerExchange) == 5)
    }

    @Test func aLaterHandshakeReplacesWhatItNamesButNotTheMetadataSize() throws {
        var handshake = Self.sample
        var later = ExtensionHandshake()
        later.messageIDs = ["ut_pex": 0, "new": 9]
        later.metadataByteCount = 1
        handshake.merge(later)
        #expect(handshake.messageID(of: .peerExchange) == nil)
        #expect(handshake.messageID(of: .metadata) == 2)
        #expect(handshake.messageIDs["new"] == 9)
        #expect(handshake.metadataByteCount == 31_235)
        #expect(handshake.port == 6881)
    }

    @Test func leavesOutValuesThatAreNotOfTheirKind() throws {
        let payload = Array(
            "d1:md1:ai256e1:bi-1e1:c1:xe13:metadata_sizei-5e1:pi70000e4:reqqi0e1:vi1e6:yourip3:abce"
                .utf8
        )
        #expect(try ExtensionHandshake(decoding: payload) == ExtensionHandshake())
    }

    @Test func boundsTheNamesThatItRemembers() throws {
        var handshake = ExtensionHandshake()
        for number in 0..<500 { handshake.messageIDs["x\(number)"] = 1 }
        let decoded = try ExtensionHandshake(decoding: handshake.encode())
        #expect(decoded.messageIDs.count == ExtensionHandshake.maximumExtensionCount)
        var merged = decoded
        merged.merge(handshake)
        #expect(merged.messageIDs.count == ExtensionHandshake.maximumExtensionCount)
    }

    @Test func refusesEveryTruncation() {
        let payload = Self.sample.encode()
        for count in payload.indices {
            #expect(throws: ExtensionError.self) {
                try ExtensionHandshake(decoding: Array(payload.prefix(count)))
            }
        }
        #expect(throws: ExtensionError.notDictionary) {
            try ExtensionHandshake(decoding: Array("le".utf8))
        }
    }

    @Test func survivesDamagedInput() {
        fuzz([Self.sample.encode()], seed: 1) {
            try ExtensionHandshake(decoding: $0)
        } encode: {
            $0.encode()
        }
    }
}

@Suite struct MetadataMessageTests {
    static let samples: [MetadataMessage] = [
        .request(block: 0),
        .data(block: 3, totalByteCount: 50_000, payload: Array("d4:infoe".utf8)),
        .data(block: 3, totalByteCount: nil, payload: []),
        .reject(block: 7),
        .unknown(type: 9),
    ]

    @Test(arguments: samples) func readsWhatItWrites(_ message: MetadataMessage) throws {
        #expect(try MetadataMessage(decoding: message.encode()) == message)
    }

    @Test func readsTheExamplesOfTheSpecification() throws {
        #expect(
            try MetadataMessage(decoding: Array("d8:msg_typei0e5:piecei0ee".utf8))
                == .request(block: 0)
        )
        #expect(
            try MetadataMessage(
                decoding: Array("d8:msg_typei1e5:piecei0e10:total_sizei34256eexxxx".utf8)
            )
                == .data(block: 0, totalByteCount: 34_256, payload: Array("xxxx".utf8))
        )
    }

    @Test(arguments: [
        ("d5:piecei0ee", ExtensionError.malformed(key: "msg_type")),
        ("d8:msg_typei0ee", .malformed(key: "piece")),
        ("d8:msg_typei0e5:piecei-1ee", .malformed(key: "piece")),
        ("d8:msg_typei0e5:piecei65536ee", .malformed(key: "piece")),
        ("d8:msg_typei1e5:piecei0e10:total_sizei0ee", .malformed(key: "total_size")),
        ("d8:msg_typei1e5:piecei0e10:total_sizei9000000000ee", .malformed(key: "total_size")),
    ])
    func refuses(text: String, error: ExtensionError) {
        #expect(throws: error) { try MetadataMessage(decoding: Array(text.utf8)) }
    }

    @Test func refusesABlockThatIsTooLong() {
        let byteCount = MetadataMessage.blockByteCount + 1
        let message = MetadataMessage.data(
            block: 0,
            totalByteCount: nil,
            payload: [UInt8](repeating: 1, count: byteCount)
        )
        #expect(throws: ExtensionError.blockTooLong(byteCount: byteCount)) {
            try MetadataMessage(decoding: message.encode())
        }
    }

    @Test func refusesEveryTruncationOfTheDictionary() {
        let payload = MetadataMessage.request(block: 12).encode()
        for count in payload.indices {
            #expect(throws: ExtensionError.self) {
                try MetadataMessage(decoding: Array(payload.prefix(count)))
            }
        }
    }

    @Test func survivesDamagedInput() {
        fuzz(Self.samples.map { $0.encode() }, seed: 2) {
            try MetadataMessage(decoding: $0)
        } encode: {
            $0.encode()
        }
    }
}

@Suite struct PeerExchangeMessageTests {
    static let sample = PeerExchangeMessage(
        added: ["1.2.3.4:5", "6.7.8.9:10", "[2001:db8::1]:11"].compactMap { PeerAddress($0) }
            .map { .init(address: $0, flags: [.uploadOnly, .reachable]) },
        dropped: ["9.9.9.9:9", "[2001:db8::2]:12"].compactMap { PeerAddress($0) }
    )

    @Test func readsWhatItWrites() throws {
        #expect(try PeerExchangeMessage(decoding: Self.sample.encode()) == Self.sample)
        #expect(try PeerExchangeMessage(decoding: Array("de".utf8)) == PeerExchangeMessage())
    }

    @Test func sendsFiftyAtMost() throws {
        let peers = (1...200).compactMap { PeerAddress(host: [1, 2, 3, UInt8($0)], port: 9) }
        let message = PeerExchangeMessage(
            added: peers.map { .init(address: $0) },
            dropped: peers
        )
        let decoded = try PeerExchangeMessage(decoding: message.encode())
        #expect(decoded.added.count == 50)
        #expect(decoded.dropped.count == 50)
    }

    @Test func takesAHundredAtMostOfEachList() throws {
        let compact = (0..<1000).flatMap { number -> [UInt8] in
            [1, 2, UInt8(number >> 8), UInt8(number & 255), 0, 9]
        }
        let payload = BencodeEncoder.encode(["added": .string(compact)])
        let decoded = try PeerExchangeMessage(decoding: payload)
        #expect(decoded.added.count == PeerExchangeMessage.maximumReceivedCount)
    }

    @Test func keepsFlagsWithTheirPeerWhereAnotherHasPortZero() throws {
        let compact: [UInt8] = [1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 9]
        let payload = BencodeEncoder.encode(
            ["added": .string(compact), "added.f": .string([1, 2])])
        let decoded = try PeerExchangeMessage(decoding: payload)
        #expect(decoded.added.map(\.flags) == [.uploadOnly])
    }

    @Test func refusesAListThatIsNoWholeNumberOfPeers() {
        for key in ["added", "added6", "dropped", "dropped6"] {
            #expect(throws: ExtensionError.malformed(key: key)) {
                try PeerExchangeMessage(
                    decoding: BencodeEncoder.encode(
                        .dictionary([Array(key.utf8): .string([1, 2, 3, 4, 5, 6, 7])])
                    )
                )
            }
        }
    }

    @Test func refusesEveryTruncation() {
        let payload = Self.sample.encode()
        for count in payload.indices {
            #expect(throws: ExtensionError.self) {
                try PeerExchangeMessage(decoding: Array(payload.prefix(count)))
            }
        }
    }

    @Test func survivesDamagedInput() {
        fuzz([Self.sample.encode()], seed: 3) {
            try PeerExchangeMessage(decoding: $0)
        } encode: {
            $0.encode()
        }
    }
}
