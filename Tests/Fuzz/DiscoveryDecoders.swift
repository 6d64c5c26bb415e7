import Bencode
import BitTorrentProtocol
import TorrentLogic

extension Decoder {
    /// What trackers, DHT nodes and the local network answer.
    static let discoveryDecoders: [Decoder] = [
        httpTracker, httpScrape, udpTracker, krpc, localAnnouncement, dhtState, webSeed,
    ]

    private static let httpTracker = Decoder(
        "HTTP tracker",
        samples: [
            [
                "interval": 1800, "complete": 9_223_372_036_854_775_807, "incomplete": 1,
                "tracker id": "id",
                "peers": .string([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
                "peers6": .string([UInt8](repeating: 9, count: 18)),
            ],
            ["interval": 1, "peers": [["ip": "1.2.3.4", "port": 1], ["ip": "::1", "port": 20]]],
            ["failure reason": "no", "retry in": "never"],
        ].map { (item: BencodeItem) in BencodeEncoder.encode(item) },
        alphabet: bencodeAlphabet
    ) { bytes, _ in
        guard let answer = try? HTTPTrackerCodec.response(parsing: bytes) else { return false }
        try promise(answer.peers.allSatisfy { $0.port != 0 }, "a peer has port 0")
        try promise(answer.swarmSize.map { $0.peerCount >= 0 } ?? true, "fewer peers than none")
        return true
    }

    private static let httpScrape = Decoder(
        "HTTP scrape",
        samples: [
            [
                "files": [
                    String(repeating: "A", count: 20): [
                        "complete": 5, "downloaded": 50, "incomplete": 10,
                    ]
                ]
            ],
            ["failure reason": "no"],
        ].map { (item: BencodeItem) in BencodeEncoder.encode(item) },
        alphabet: bencodeAlphabet
    ) { bytes, _ in
        guard let hash = InfoHash(bytes: [UInt8](repeating: 0x41, count: 20)),
            let size = try? HTTPTrackerCodec.swarmSize(of: hash, parsing: bytes)
        else { return false }
        try promise(size.seedCount >= 0 && size.leecherCount >= 0, "fewer peers than none")
        return true
    }

    private static let udpTracker = Decoder(
        "UDP tracker",
        samples: [
            [0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 7, 8, 0, 0, 0, 3, 0, 0, 0, 4]
                + [1, 2, 3, 4, 0, 5, 6, 7, 8, 9, 0, 0, 10, 11, 12, 13, 0, 14],
            [0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4, 5, 6, 7, 8],
            [0, 0, 0, 2, 0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9],
            [0, 0, 0, 3, 0, 0, 0, 7] + Array("not here".utf8),
        ]
    ) { bytes, mutator in
        let isIPv6 = Bool.random(using: &mutator)
        guard let packet = UDPTrackerPacket(decoding: bytes, isIPv6: isIPv6) else { return false }
        guard case .announced(let response) = packet.body else { return true }
        try promise(response.peers.count <= bytes.count / 6, "more peers than fit")
        return true
    }

    private static var krpcSamples: [[UInt8]] {
        let id = NodeID(InfoHash(ofInfoDictionary: [1]))
        let hash = InfoHash(ofInfoDictionary: [2])
        let methods: [KRPCQuery.Method] = [
            .ping, .findNode(target: id), .getPeers(hash, options: [.excludesSeeds, .scrape]),
            .announcePeer(.init(infoHash: hash, port: 6881, token: [1])), .unknown(name: "vote"),
        ]
        var response = KRPCResponse(sender: id)
        response.nodes = ["1.2.3.4:5", "6.7.8.9:10"].compactMap { PeerAddress($0) }
            .map { NodeContact(id: id, address: $0) }
        response.peers = ["1.1.1.1:1", "[2001:db8::2]:2"].compactMap { PeerAddress($0) }
        response.token = [9, 9, 9]
        let bodies =
            methods.map { .query(KRPCQuery(sender: id, method: $0, wants: [.ipv4, .ipv6])) }
            + [.response(response), KRPCMessage.Body.error(code: 203, text: "no")]
        return bodies.map {
            KRPCMessage(transactionID: [1, 2], body: $0, receiver: PeerAddress("5.5.5.5:5"))
                .encode()
        }
    }

    private static let krpc = Decoder(
        "DHT message",
        samples: krpcSamples,
        alphabet: bencodeAlphabet
    ) {
        try KRPCMessage(decoding: $0)
    } write: {
        $0.encode()
    }

    private static let localAnnouncement = Decoder(
        "local announcement",
        samples: [
            LocalAnnouncement(
                host: "239.192.152.143:6771",
                port: 6881,
                infoHashes: [[1], [2]].map { InfoHash(ofInfoDictionary: $0) },
                cookie: "c0ffee"
            ).encode()
        ],
        alphabet: " :\r\n0aPI*"
    ) { bytes, _ in
        guard let read = LocalAnnouncement(decoding: bytes) else { return false }
        try promise(read.port != 0, "port 0")
        try promise((1...20).contains(read.infoHashes.count), "no torrent, or too many")
        return true
    }

    /// What a web seed says of the part that it sends, or of when to come again.
    private static let webSeed = Decoder(
        "web seed headers",
        samples: ["bytes 0-16383/1048576", "bytes 5-5/*", " 120 "].map { Array($0.utf8) },
        alphabet: " bytes-/*0123456789"
    ) { bytes, _ in
        let text = String(decoding: bytes, as: UTF8.self)
        if let part = ContentRange(text) {
            try promise(!part.range.isEmpty, "a part of nothing")
            let end = part.resourceLength ?? .max
            try promise(part.range.upperBound <= end, "a part ends behind its whole")
            return true
        }
        guard let delay = RetryDelay(text) else { return false }
        try promise(delay.duration <= .seconds(3600), "a delay without end")
        return true
    }

    /// Not from strangers, but a file may be damaged.
    private static let dhtState = Decoder(
        "DHT state",
        samples: [DHTNode.SavedState().bytes, [1, 1] + [UInt8](repeating: 1, count: 64)]
    ) { bytes, _ in
        DHTNode.SavedState(bytes: bytes) != nil
    }
}
