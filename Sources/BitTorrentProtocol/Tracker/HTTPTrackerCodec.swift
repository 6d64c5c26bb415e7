import Bencode

/// Announces over HTTP: a query string out (BEP 3, 23), bencode in (BEP 3, 7, 23, 24, 31).
package enum HTTPTrackerCodec {
    /// Bytes of a response that are read before it is refused.
    package static let maximumResponseByteCount = 1024 * 1024
    /// Peers that are taken from one response.
    package static let maximumPeerCount = 2000
    /// Bytes of a text from a tracker that are kept.
    static let maximumTextByteCount = 1024
    /// Bytes of a tracker id that are sent back.
    static let maximumTrackerIDByteCount = 1024
    /// No announce is put off for longer than this, whatever a tracker says.
    static let maximumIntervalSeconds: Int64 = 7 * 24 * 3600

    static let limits = BencodeLimits(
        byteCount: maximumResponseByteCount,
        depth: 32,
        valueCount: 100_000
    )

    // MARK: Request

    /// The URL to fetch.
    ///
    /// A query that the announce URL has already is kept, its fragment is not.
    ///
    /// - Throws: `AnnounceError.invalidURL`.
    package static func url(
        announce: String,
        request: AnnounceRequest
    ) throws(AnnounceError) -> String {
        try appending(query(request), to: Substring(announce))
    }

    /// Adds fields to the query of a URL of HTTP.
    static func appending(
        _ fields: String,
        to text: Substring
    ) throws(AnnounceError) -> String {
        let url = text.prefix { $0 != "#" }
        guard let schemeEnd = url.firstRange(of: "://"),
            ["http", "https"].contains(url[..<schemeEnd.lowerBound].lowercased()),
            let first = url[schemeEnd.upperBound...].utf8.first,
            ![UInt8(ascii: "/"), UInt8(ascii: "?")].contains(first),
            // A line break or a space would end the request line and begin something else.
            url.utf8.allSatisfy({ (0x21..<0x7f).contains($0) })
        else { throw .invalidURL }
        let separator: String
        switch (url.contains("?"), url.last) {
        case (false, _): separator = "?"
        case (true, "?"), (true, "&"): separator = ""
        case (true, _): separator = "&"
        }
        return url + separator + fields
    }

    private static func query(_ request: AnnounceRequest) -> String {
        var fields = [
            "info_hash=" + percentEncoded(request.infoHash.bytes),
            "peer_id=" + percentEncoded(request.peerID.bytes),
            "port=\(request.port)",
            "uploaded=\(request.uploaded)",
            "downloaded=\(request.downloaded)",
            "left=\(request.left)",
            "compact=1",
            "no_peer_id=1",
            "numwant=\(request.wantedPeerCount)",
            "key=" + hexadecimal(request.key),
        ]
        if let event = request.event { fields.append("event=\(event.rawValue)") }
        if let id = request.trackerID { fields.append("trackerid=" + percentEncoded(id)) }
        return fields.joined(separator: "&")
    }

    private static func hexadecimal(_ key: UInt32) -> String {
        let digits = String(key, radix: 16, uppercase: true)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    // MARK: Response

    /// Reads the body of a response.
    ///
    /// - Throws: `AnnounceError.refused` for the tracker's own refusal, others for nonsense.
    package static func response(parsing bytes: [UInt8]) throws(AnnounceError) -> AnnounceResponse {
        let top = try dictionary(bytes)
        var response = AnnounceResponse()
        response.interval = try interval(top, "interval")
        response.minimumInterval = try interval(top, "min interval")
        response.seedCount = try count(top, "complete")
        response.leecherCount = try count(top, "incomplete")
        response.trackerID = try trackerID(top)
        response.warning = top["warning message"].flatMap(displayText)
        response.ownHost = top["external ip"]?.string.flatMap { host in
            [4, 16].contains(host.count) ? Array(host) : nil
        }
        try addPeers(top, to: &response)
        return response
    }

    /// The dictionary of an answer, unless it is a refusal.
    static func dictionary(_ bytes: [UInt8]) throws(AnnounceError) -> BencodeValue {
        let decoder = BencodeDecoder(limits: limits, keyOrder: .any, allowsTrailingBytes: true)
        let top: BencodeValue
        do throws(BencodeError) {
            top = try decoder.decode(bytes)
        } catch {
            throw .notBencode(error)
        }
        guard top.kind == .dictionary else { throw .notDictionary }
        if let reason = top["failure reason"] {
            throw .refused(reason: displayText(reason) ?? "", retry: retry(top["retry in"]))
        }
        return top
    }

    private static func addPeers(
        _ top: BencodeValue,
        to response: inout AnnounceResponse
    ) throws(AnnounceError) {
        if let peers = top["peers"] {
            if let entries = peers.list {
                try addDictionaryPeers(entries, to: &response)
            } else {
                response.peers = try compactPeers(
                    peers,
                    key: "peers",
                    stride: PeerAddress.compactIPv4ByteCount
                )
            }
        }
        if let peers = top["peers6"] {
            response.peers += try compactPeers(
                peers,
                key: "peers6",
                stride: PeerAddress.compactIPv6ByteCount
            )
        }
    }

    private static func compactPeers(
        _ value: BencodeValue,
        key: String,
        stride: Int
    ) throws(AnnounceError) -> [PeerAddress] {
        guard let bytes = value.string,
            let peers = PeerAddress.list(
                compact: bytes,
                stride: stride,
                maximumCount: maximumPeerCount
            )
        else { throw .malformed(key: key) }
        return peers
    }

    /// BEP 3: dictionaries of `ip`, which may be a name, and `port`.
    private static func addDictionaryPeers(
        _ entries: BencodeValue.Elements,
        to response: inout AnnounceResponse
    ) throws(AnnounceError) {
        for entry in entries.prefix(maximumPeerCount) {
            guard let host = entry["ip"]?.text, !host.isEmpty, host.utf8.count <= 255,
                let port = entry["port"]?.integer.flatMap({ UInt16(exactly: $0) })
            else { throw .malformed(key: "peers") }
            if let address = PeerAddress(numericHost: host, port: port) {
                response.peers.append(address)
            } else if port != 0, isHostName(host) {
                response.namedPeers.append(.init(hostName: host, port: port))
            }
        }
    }

    /// Letters, digits, hyphens and dots: nothing that a resolver or a log would read otherwise.
    private static func isHostName(_ text: String) -> Bool {
        text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"):
                true
            default: false
            }
        } && text.utf8.contains { $0 >= UInt8(ascii: "A") }
    }

    private static func interval(
        _ top: BencodeValue,
        _ key: String
    ) throws(AnnounceError) -> Duration? {
        guard let value = top[key] else { return nil }
        guard let seconds = value.integer, seconds >= 0 else { throw .malformed(key: key) }
        return .seconds(min(seconds, maximumIntervalSeconds))
    }

    private static func count(_ top: BencodeValue, _ key: String) throws(AnnounceError) -> Int? {
        guard let value = top[key] else { return nil }
        guard let count = value.integer else { throw .malformed(key: key) }
        // A count that cannot be says nothing; it is no reason to lose the peers.
        return UInt32(exactly: count).map { Int($0) }
    }

    private static func trackerID(_ top: BencodeValue) throws(AnnounceError) -> [UInt8]? {
        guard let value = top["tracker id"] else { return nil }
        guard let id = value.string, id.count <= maximumTrackerIDByteCount else {
            throw .malformed(key: "tracker id")
        }
        return Array(id)
    }

    /// BEP 31: minutes, or "never".
    static func retry(_ value: BencodeValue?) -> AnnounceError.Retry? {
        guard let value else { return nil }
        if value.text == "never" { return .never }
        // The number may be written as a string, as "never" is.
        guard let minutes = value.integer ?? value.text.flatMap({ Int64($0) }), minutes > 0 else {
            return nil
        }
        return .after(.seconds(min(minutes, maximumIntervalSeconds / 60) * 60))
    }

    /// Text for a log or a page: bounded, repaired, without control characters.
    static func displayText(_ value: BencodeValue) -> String? {
        value.string.map(displayText)
    }

    static func displayText(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes.prefix(maximumTextByteCount), as: UTF8.self)
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }
            )
        )
    }
}
