import Bencode

/// The first extended message (BEP 10, id 0): what a peer can do and wants to tell.
///
/// It may be sent again; then what it names replaces what was said before.
package struct ExtensionHandshake: Equatable, Sendable {
    /// The id of the extended message that carries it.
    package static let messageID: UInt8 = 0
    /// Extensions that are remembered of one handshake.
    package static let maximumExtensionCount = 64
    static let maximumNameByteCount = 64
    static let maximumClientByteCount = 128
    private static let limits = BencodeLimits(byteCount: 64 * 1024, depth: 8, valueCount: 2000)

    /// `m`: the id that the sender gives to each extension; 0 switches it off.
    package var messageIDs: [String: UInt8] = [:]
    /// `v`, for display.
    package var client: String?
    /// `p`: TCP port on which the sender listens.
    package var port: UInt16?
    /// `reqq`: requests that the sender keeps waiting; more are dropped.
    package var maximumRequestCount: Int?
    /// `metadata_size` (BEP 9): bytes of the info dictionary, as claimed.
    package var metadataByteCount: Int?
    /// `yourip`: the receiver's address as the sender sees it, 4 or 16 bytes.
    package var receiverHost: [UInt8]?
    /// `ipv4`: another address of the sender, 4 bytes.
    package var ipv4Host: [UInt8]?
    /// `ipv6`: another address of the sender, 16 bytes.
    package var ipv6Host: [UInt8]?
    /// `upload_only` (BEP 21): the sender wants no data; `nil` if it does not say.
    package var isUploadOnly: Bool?

    package init() {}

    /// A handshake that offers `extensions` under our own ids.
    package init(offering extensions: some Sequence<PeerExtension>) {
        for one in extensions { messageIDs[one.rawValue] = one.localID }
    }

    /// The id under which the sender wants messages of an extension, or `nil` if it wants none.
    package func messageID(of one: PeerExtension) -> UInt8? {
        messageIDs[one.rawValue].flatMap { $0 == 0 ? nil : $0 }
    }

    /// Takes over what a later handshake of the same peer says; the size of the metadata stays as
    /// it was said first.
    package mutating func merge(_ later: ExtensionHandshake) {
        for (name, id) in later.messageIDs
        where messageIDs[name] != nil || messageIDs.count < Self.maximumExtensionCount {
            messageIDs[name] = id
        }
        client = later.client ?? client
        port = later.port ?? port
        maximumRequestCount = later.maximumRequestCount ?? maximumRequestCount
        metadataByteCount = metadataByteCount ?? later.metadataByteCount
        receiverHost = later.receiverHost ?? receiverHost
        ipv4Host = later.ipv4Host ?? ipv4Host
        ipv6Host = later.ipv6Host ?? ipv6Host
        isUploadOnly = later.isUploadOnly ?? isUploadOnly
    }

    // MARK: Coding

    /// A value that is not of its kind counts as not there: peers differ, and none is needed.
    package init(decoding payload: [UInt8]) throws(ExtensionError) {
        let value = try ExtensionError.dictionary(payload, limits: Self.limits)
        if let entries = value["m"]?.dictionary {
            for (key, id) in entries where key.count <= Self.maximumNameByteCount {
                guard messageIDs.count < Self.maximumExtensionCount,
                    let name = String(validating: key, as: UTF8.self),
                    let id = id.integer.flatMap({ UInt8(exactly: $0) })
                else { continue }
                messageIDs[name] = id
            }
        }
        client = value["v"]?.string.map {
            String(decoding: $0.prefix(Self.maximumClientByteCount), as: UTF8.self)
        }
        port = value["p"]?.integer.flatMap { UInt16(exactly: $0) }.flatMap { $0 == 0 ? nil : $0 }
        maximumRequestCount = value["reqq"]?.integer.flatMap {
            (1...65_536).contains($0) ? Int($0) : nil
        }
        metadataByteCount = value["metadata_size"]?.integer.flatMap {
            $0 > 0 && $0 <= 1 << 31 ? Int($0) : nil
        }
        receiverHost = Self.host(value["yourip"], byteCounts: [4, 16])
        ipv4Host = Self.host(value["ipv4"], byteCounts: [4])
        ipv6Host = Self.host(value["ipv6"], byteCounts: [16])
        isUploadOnly = value["upload_only"]?.integer.map { $0 != 0 }
    }

    private static func host(_ value: BencodeValue?, byteCounts: [Int]) -> [UInt8]? {
        guard let bytes = value?.string, byteCounts.contains(bytes.count) else { return nil }
        return Array(bytes)
    }

    package func encode() -> [UInt8] {
        var ids: [[UInt8]: BencodeItem] = [:]
        for (name, id) in messageIDs { ids[Array(name.utf8)] = .integer(Int64(id)) }
        var item: BencodeItem = ["m": .dictionary(ids)]
        item.set("v", to: client.map { .text($0) })
        item.set("p", to: port.map { .integer(Int64($0)) })
        item.set("reqq", to: maximumRequestCount.map { .integer(Int64($0)) })
        item.set("metadata_size", to: metadataByteCount.map { .integer(Int64($0)) })
        item.set("yourip", to: receiverHost.map { .string($0) })
        item.set("ipv4", to: ipv4Host.map { .string($0) })
        item.set("ipv6", to: ipv6Host.map { .string($0) })
        item.set("upload_only", to: isUploadOnly.map { $0 ? 1 : 0 })
        return BencodeEncoder.encode(item)
    }
}
