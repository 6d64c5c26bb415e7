/// What a peer tells its local network (BEP 14): which torrents it is at work on, and where.
package struct LocalAnnouncement: Equatable, Sendable {
    /// Bytes of a packet that are read or written: one that no network takes apart.
    package static let maximumByteCount = 1400
    /// Torrents in one packet.
    package static let maximumTorrentCount = 20
    private static let maximumCookieByteCount = 64

    /// The multicast group of an address family, and its port.
    package static func group(isIPv6: Bool) -> PeerAddress? {
        isIPv6 ? PeerAddress("[ff15::efc0:988f]:6771") : PeerAddress("239.192.152.143:6771")
    }

    /// `Host`: the multicast group and its port, as text.
    package var host: String
    /// TCP port on which the peer listens; not zero.
    package var port: UInt16
    /// Not empty.
    package var infoHashes: [InfoHash]
    /// By which a sender knows its own packets.
    package var cookie: String?

    package init(host: String, port: UInt16, infoHashes: [InfoHash], cookie: String?) {
        self.host = host
        self.port = port
        self.infoHashes = infoHashes
        self.cookie = cookie
    }

    package func encode() -> [UInt8] {
        var lines = ["BT-SEARCH * HTTP/1.1", "Host: \(host)", "Port: \(port)"]
        lines += infoHashes.prefix(Self.maximumTorrentCount).map { "Infohash: \($0)" }
        if let cookie { lines.append("cookie: \(cookie)") }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n\r\n").utf8)
    }

    /// - Returns: `nil` unless the packet is an announcement with a port and an info-hash.
    package init?(decoding bytes: [UInt8]) {
        guard bytes.count <= Self.maximumByteCount else { return nil }
        let lines = bytes.split(separator: UInt8(ascii: "\n")).map { line in
            line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        }
        guard let first = lines.first, first.elementsEqual("BT-SEARCH * HTTP/1.1".utf8) else {
            return nil
        }
        host = ""
        infoHashes = []
        var port: UInt16?
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
            let value = Self.trimmed(line[line.index(after: colon)...])
            switch name {
            case "host": host = value
            case "port": port = UInt16(value)
            case "infohash":
                guard let hash = InfoHash(hex: value) else { continue }
                if infoHashes.count < Self.maximumTorrentCount { infoHashes.append(hash) }
            case "cookie" where value.utf8.count <= Self.maximumCookieByteCount: cookie = value
            default: break
            }
        }
        guard let port, port != 0, !infoHashes.isEmpty else { return nil }
        self.port = port
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        let start = bytes.drop(while: isSpace)
        let end = start.lastIndex { !isSpace($0) }.map { start[...$0] } ?? []
        return String(decoding: end, as: UTF8.self)
    }
}
