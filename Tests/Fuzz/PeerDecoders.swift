import BitTorrentProtocol
import NIOCore
import TestSupport
import TorrentLogic

extension Decoder {
    /// What peers send over a connection.
    static let peerDecoders: [Decoder] = [
        handshake, messages, extensionHandshake, metadata, peerExchange, holepunch,
        encryptionAccepted, encryptionDialled, encryptionKey, uTPHeader, ipFilter,
    ]

    private static let infoHash = InfoHash(ofInfoDictionary: [1])

    private static func bytes(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        write(&buffer)
        return Array(buffer.readableBytesView)
    }

    private static var handshakeSample: [UInt8] {
        var generator = Mutator(seed: 1)
        return bytes {
            Handshake(
                capabilities: [.extensionProtocol, .fast],
                infoHash: infoHash,
                peerID: PeerID(using: &generator)
            ).encode(into: &$0)
        }
    }

    private static let handshake = Decoder("handshake", samples: [handshakeSample]) { bytes, _ in
        var buffer = ByteBuffer(bytes: bytes)
        guard let handshake = try? Handshake(consuming: &buffer) else { return false }
        let again = Self.bytes { handshake.encode(into: &$0) }
        try promise(again.elementsEqual(bytes.prefix(68)), "it reads as another handshake")
        return true
    }

    private static let hashRequest = HashRequest(
        root: SHA256Digest.zero,
        baseLayer: 0,
        index: 0,
        length: 2,
        proofLayerCount: 1
    )

    private static let messageSamples: [[UInt8]] = [
        [.hashRequest(hashRequest), .hashReject(hashRequest), .have(piece: 1)],
        [.hashes(hashRequest, [hashRequest.root, hashRequest.root]), .haveNone],
        [.keepAlive, .unchoke, .have(piece: 0xdead_beef), .haveAll, .bitfield([0x80, 1])],
        [
            .piece(piece: 7, offset: 0x8000, payload: ByteBuffer(string: "payload")), .choke,
            .request(BlockRequest(piece: 1, offset: 0x4000, length: 0x4000)),
        ],
        [
            .cancel(BlockRequest(piece: .max, offset: .max, length: .max)), .suggest(piece: 3),
            .extended(id: 0, payload: ByteBuffer(string: "de")), .port(6881), .interested,
        ],
    ].map { (messages: [PeerMessage]) in
        bytes { buffer in for message in messages { message.encode(into: &buffer) } }
    }

    /// A stream of messages in two parts.
    private static let messages = Decoder(
        "peer messages",
        samples: messageSamples
    ) { bytes, mutator in
        let decoder = PeerMessageDecoder()
        let cut = Int.random(in: 0...bytes.count, using: &mutator)
        var buffer = ByteBuffer()
        var isAccepted = false
        for part in [bytes[..<cut], bytes[cut...]] {
            buffer.writeBytes(part)
            do {
                while try decoder.decode(&buffer) != nil { isAccepted = true }
            } catch { return isAccepted }
        }
        return isAccepted
    }

    private static var extensionHandshakeSample: ExtensionHandshake {
        var handshake = ExtensionHandshake(offering: PeerExtension.allCases)
        handshake.client = "Client 1.0"
        handshake.port = 6881
        handshake.maximumRequestCount = 500
        handshake.metadataByteCount = 31_235
        handshake.receiverHost = [1, 2, 3, 4]
        handshake.isUploadOnly = true
        return handshake
    }

    private static let extensionHandshake = Decoder(
        "extension handshake",
        samples: [extensionHandshakeSample.encode()],
        alphabet: bencodeAlphabet
    ) {
        try ExtensionHandshake(decoding: $0)
    } write: {
        $0.encode()
    }

    private static let metadata = Decoder(
        "metadata message",
        samples: [
            MetadataMessage.request(block: 0),
            .data(block: 3, totalByteCount: 50_000, payload: Array("d4:infoe".utf8)),
            .reject(block: 7),
        ].map { $0.encode() },
        alphabet: bencodeAlphabet
    ) {
        try MetadataMessage(decoding: $0)
    } write: {
        $0.encode()
    }

    private static let peerExchange = Decoder(
        "peer exchange",
        samples: [
            PeerExchangeMessage(
                added: ["1.2.3.4:5", "6.7.8.9:10", "[2001:db8::1]:11"]
                    .compactMap { PeerAddress($0) }
                    .map { .init(address: $0, flags: [.uploadOnly, .reachable]) },
                dropped: ["9.9.9.9:9", "[2001:db8::2]:12"].compactMap { PeerAddress($0) }
            ).encode()
        ],
        alphabet: bencodeAlphabet
    ) {
        try PeerExchangeMessage(decoding: $0)
    } write: {
        $0.encode()
    }

    private static let holepunch = Decoder(
        "holepunch message",
        samples: ["1.2.3.4:5", "[2001:db8::1]:11"].compactMap { PeerAddress($0) }.flatMap {
            [HolepunchMessage.rendezvous($0), .connect($0), .error(.notConnected, $0)]
        }.map { $0.encode() }
    ) {
        try HolepunchMessage(decoding: $0)
    } write: {
        $0.encode()
    }

    // MARK: Encryption

    /// Both sides of an encrypted handshake behind the exchange of keys, whose powers of large
    /// numbers would leave time for few inputs, and what each of them is sent next.
    private struct KeyedSides: Sendable {
        let initiator: EncryptionInitiator
        let responder: EncryptionResponder
        let request: [UInt8]
        let choice: [UInt8]

        init?(_ methods: EncryptionMethods) {
            var generator = Mutator(seed: 3)
            var initiator = EncryptionInitiator(
                infoHash: infoHash,
                offering: methods,
                initialPayload: ByteBuffer(bytes: handshakeSample),
                using: &generator
            )
            var responder = EncryptionResponder(accepting: methods, using: &generator)
            guard let ours = initiator.greeting.getSlice(at: 0, length: 96),
                let answer = try? responder.received(ours, find: find).reply
            else { return nil }
            self.responder = responder
            guard let theirs = answer.getSlice(at: 0, length: 96),
                let request = try? initiator.received(theirs).reply,
                let choice = try? responder.received(request, find: find).reply
            else { return nil }
            self.initiator = initiator
            self.request = Array(request.readableBytesView)
            self.choice = Array(choice.readableBytesView)
        }
    }

    private static let keyedSides = [EncryptionMethods.rc4, .plaintext].compactMap(KeyedSides.init)

    @Sendable private static func find(_ name: ObfuscatedInfoHash) -> InfoHash? {
        name == obfuscated ? infoHash : nil
    }

    private static let obfuscated = ObfuscatedInfoHash(infoHash)

    private static let encryptionAccepted = Decoder(
        "encryption accepted",
        samples: keyedSides.map(\.request)
    ) { bytes, mutator in
        let number = Int.random(in: keyedSides.indices, using: &mutator)
        var responder = keyedSides[number].responder
        let input = ByteBuffer(bytes: bytes)
        guard let step = try? responder.received(input, find: find) else { return false }
        guard let received = step.connection?.received else { return true }
        try promise(received.readableBytes <= bytes.count, "more bytes came out than went in")
        return true
    }

    private static let encryptionDialled = Decoder(
        "encryption dialled",
        samples: keyedSides.map(\.choice)
    ) { bytes, mutator in
        let number = Int.random(in: keyedSides.indices, using: &mutator)
        var initiator = keyedSides[number].initiator
        guard let step = try? initiator.received(ByteBuffer(bytes: bytes)) else { return false }
        guard let received = step.connection?.received else { return true }
        try promise(received.readableBytes <= bytes.count, "more bytes came out than went in")
        return true
    }

    /// What is sent first, and how it begins: plain text or a key.
    private static let encryptionKey = Decoder(
        "encryption opening",
        samples: [handshakeSample, [UInt8](repeating: 7, count: 120)]
    ) { bytes, _ in
        StreamOpening(of: ByteBuffer(bytes: bytes)) != .undecided
    }

    private static let uTPHeader = Decoder(
        "uTP header",
        samples: [
            // A request for a connection, and acknowledgements of what came out of order.
            [0x41, 0, 0, 7] + [UInt8](repeating: 9, count: 16),
            [0x21, 1, 0, 7] + [UInt8](repeating: 9, count: 16) + [0, 4, 1, 0, 0, 0x80],
            [0x21, 1, 0, 7] + [UInt8](repeating: 9, count: 16) + [0, 3, 1, 0, 0x80],
        ],
        read: { bytes in
            var buffer = ByteBuffer(bytes: bytes)
            return UTPHeader(consuming: &buffer)
        },
        write: { header in bytes { header.encode(into: &$0) } }
    )

    /// Written by the user, copied from strangers.
    private static let ipFilter = Decoder(
        "IP filter",
        samples: [
            "name:1.2.3.0-1.2.3.255\n# comment\n10.0.0.0/8\n",
            "001.002.003.000 - 001.002.003.255 , 000 , name\n2001:db8::/32\n",
        ].map { Array($0.utf8) },
        alphabet: "0123456789abcdef.:/-, #\n"
    ) { bytes, _ in
        (try? IPFilter(parsing: bytes, file: "list")) != nil
    }
}
