import Bencode

extension KRPCMessage {
    private static let limits = BencodeLimits(
        byteCount: maximumByteCount,
        depth: 8,
        valueCount: 1000
    )

    package init(decoding bytes: [UInt8]) throws(KRPCError) {
        let value: BencodeValue
        do {
            value = try BencodeDecoder(limits: Self.limits, keyOrder: .any).decode(bytes)
        } catch { throw .notBencode(error) }
        guard value.kind == .dictionary else { throw .notDictionary }
        guard let id = value["t"]?.string, id.count <= Self.maximumEchoByteCount else {
            throw .malformed(key: "t", queryTransactionID: nil)
        }
        transactionID = Array(id)
        version = value["v"]?.string.map { Array($0.prefix(Self.maximumEchoByteCount)) }
        receiver = value["ip"]?.string.flatMap { PeerAddress(compact: $0) }
        switch value["y"]?.text {
        case "q": body = .query(try Self.query(value, transactionID: transactionID))
        case "r": body = .response(try Self.response(value["r"]))
        case "e":
            var elements = value["e"]?.list
            let code = elements?.next()?.integer ?? Int64(KRPCErrorCode.generic)
            let text = elements?.next()?.string?.prefix(256) ?? []
            body = .error(
                code: Int(exactly: code) ?? KRPCErrorCode.generic,
                text: String(decoding: text, as: UTF8.self)
            )
        default: throw .malformed(key: "y", queryTransactionID: nil)
        }
    }

    private static func query(
        _ message: BencodeValue,
        transactionID: [UInt8]
    ) throws(KRPCError) -> KRPCQuery {
        func required<Value>(_ value: Value?, _ key: String) throws(KRPCError) -> Value {
            guard let value else { throw .malformed(key: key, queryTransactionID: transactionID) }
            return value
        }
        let name = try required(message["q"]?.string, "q")
        let arguments = try required(message["a"], "a")
        let sender = try required(arguments["id"]?.string.flatMap { NodeID(bytes: $0) }, "id")
        func hash() throws(KRPCError) -> InfoHash {
            try required(
                arguments["info_hash"]?.string.flatMap { InfoHash(bytes: $0) },
                "info_hash"
            )
        }
        func flag(_ key: String) -> Bool { arguments[key]?.integer == 1 }
        let method: KRPCQuery.Method
        switch String(decoding: name.prefix(64), as: UTF8.self) {
        case "ping": method = .ping
        case "find_node":
            let target = arguments["target"]?.string.flatMap { NodeID(bytes: $0) }
            method = .findNode(target: try required(target, "target"))
        case "get_peers":
            var options: KRPCQuery.GetPeersOptions = []
            if flag("noseed") { options.insert(.excludesSeeds) }
            if flag("scrape") { options.insert(.scrape) }
            method = .getPeers(try hash(), options: options)
        case "announce_peer":
            let token = arguments["token"]?.string
            let port = arguments["port"]?.integer.flatMap { UInt16(exactly: $0) }
            method = .announcePeer(
                KRPCQuery.Announcement(
                    infoHash: try hash(),
                    port: flag("implied_port")
                        ? nil : try required(port.flatMap { $0 == 0 ? nil : $0 }, "port"),
                    token: Array(
                        try required(
                            token.flatMap { $0.count <= maximumEchoByteCount ? $0 : nil },
                            "token"
                        )
                    ),
                    isSeed: flag("seed")
                )
            )
        case let name: method = .unknown(name: name)
        }
        var wants: KRPCQuery.Families = []
        if let list = arguments["want"]?.list {
            for element in list {
                switch element.text {
                case "n4": wants.insert(.ipv4)
                case "n6": wants.insert(.ipv6)
                default: break
                }
            }
        }
        return KRPCQuery(
            sender: sender,
            method: method,
            wants: wants,
            isReadOnly: message["ro"]?.integer == 1
        )
    }

    private static func response(_ value: BencodeValue?) throws(KRPCError) -> KRPCResponse {
        guard let sender = value?["id"]?.string.flatMap({ NodeID(bytes: $0) }) else {
            throw .malformed(key: "id", queryTransactionID: nil)
        }
        var response = KRPCResponse(sender: sender)
        response.nodes = try contacts(value?["nodes"], key: "nodes", isIPv6: false)
        response.nodes6 = try contacts(value?["nodes6"], key: "nodes6", isIPv6: true)
        response.peers = value?["values"]?.list?.compactMap {
            $0.string.flatMap { PeerAddress(compact: $0) }
        }
        response.token = value?["token"]?.string.flatMap {
            $0.count <= maximumEchoByteCount ? Array($0) : nil
        }
        response.seedFilter = value?["BFsd"]?.string.flatMap { BloomFilter(bytes: Array($0)) }
        response.leecherFilter = value?["BFpe"]?.string.flatMap { BloomFilter(bytes: Array($0)) }
        return response
    }

    private static func contacts(
        _ value: BencodeValue?,
        key: String,
        isIPv6: Bool
    ) throws(KRPCError) -> [NodeContact]? {
        guard let value else { return nil }
        guard let bytes = value.string,
            let list = NodeContact.list(compact: bytes, isIPv6: isIPv6)
        else { throw .malformed(key: key, queryTransactionID: nil) }
        return list
    }

    // MARK: Encoding

    package func encode() -> [UInt8] {
        var item: BencodeItem = ["t": .string(transactionID)]
        item.set("v", to: version.map { .string($0) })
        item.set("ip", to: receiver.map { .string($0.compact) })
        switch body {
        case .query(let query):
            item.set("y", to: "q")
            let (name, arguments) = Self.items(query)
            item.set("q", to: .text(name))
            item.set("a", to: arguments)
            if query.isReadOnly { item.set("ro", to: 1) }
        case .response(let response):
            item.set("y", to: "r")
            item.set("r", to: Self.item(response))
        case .error(let code, let text):
            item.set("y", to: "e")
            item.set("e", to: [.integer(Int64(code)), .text(text)])
        }
        return BencodeEncoder.encode(item)
    }

    private static func items(_ query: KRPCQuery) -> (name: String, arguments: BencodeItem) {
        var item: BencodeItem = ["id": .string(query.sender.bytes)]
        let families =
            (query.wants.contains(.ipv4) ? ["n4"] : [])
            + (query.wants.contains(.ipv6) ? ["n6"] : [])
        if !families.isEmpty { item.set("want", to: .list(families.map { .text($0) })) }
        switch query.method {
        case .ping: return ("ping", item)
        case .findNode(let target):
            item.set("target", to: .string(target.bytes))
            return ("find_node", item)
        case .getPeers(let hash, let options):
            item.set("info_hash", to: .string(hash.bytes))
            if options.contains(.excludesSeeds) { item.set("noseed", to: 1) }
            if options.contains(.scrape) { item.set("scrape", to: 1) }
            return ("get_peers", item)
        case .announcePeer(let announcement):
            item.set("info_hash", to: .string(announcement.infoHash.bytes))
            // A port is expected beside implied_port too.
            item.set("port", to: .integer(Int64(announcement.port ?? 0)))
            if announcement.port == nil { item.set("implied_port", to: 1) }
            item.set("token", to: .string(announcement.token))
            if announcement.isSeed { item.set("seed", to: 1) }
            return ("announce_peer", item)
        case .unknown(let name): return (name, item)
        }
    }

    private static func item(_ response: KRPCResponse) -> BencodeItem {
        var item: BencodeItem = ["id": .string(response.sender.bytes)]
        item.set("nodes", to: response.nodes.map { .string($0.flatMap(\.compact)) })
        item.set("nodes6", to: response.nodes6.map { .string($0.flatMap(\.compact)) })
        item.set("values", to: response.peers.map { .list($0.map { .string($0.compact) }) })
        item.set("token", to: response.token.map { .string($0) })
        item.set("BFsd", to: response.seedFilter.map { .string($0.bytes) })
        item.set("BFpe", to: response.leecherFilter.map { .string($0.bytes) })
        return item
    }
}
