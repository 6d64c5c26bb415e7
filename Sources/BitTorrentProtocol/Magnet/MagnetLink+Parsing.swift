extension MagnetLink {
    /// Reads a magnet link as people paste it.
    ///
    /// Parameters that are unknown, and addresses that cannot be right, are left out; names may be
    /// numbered (`tr.1`). A hash is 40 hexadecimal digits or 32 of base32.
    ///
    /// - Parameter maximumByteCount: of the text; a `description` may need more than what a person
    ///   pasted, because it escapes more.
    package init(
        _ text: String,
        maximumByteCount: Int = Self.maximumByteCount
    ) throws(MagnetError) {
        let scheme = "magnet:?"
        guard text.utf8.count <= maximumByteCount else {
            throw .tooLong(byteCount: text.utf8.count)
        }
        guard text.prefix(scheme.count).lowercased() == scheme else { throw .notMagnet }
        var fields = MagnetFields()
        for field in text.dropFirst(scheme.count).split(separator: "&") {
            let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { continue }
            try fields.add(name: Self.baseName(parts[0]), value: parts[1])
        }
        guard let link = MagnetLink(infoHash: fields.infoHash, version2Hash: fields.version2Hash)
        else { throw .missingInfoHash }
        self = link
        displayName = fields.displayName
        trackers = fields.urls["tr"] ?? []
        webSeeds = fields.urls["ws"] ?? []
        exactSources = fields.urls["xs"] ?? []
        acceptableSources = fields.urls["as"] ?? []
        peers = fields.peers
        namedPeers = fields.namedPeers
        selectedFiles = fields.selectedFiles
    }

    /// `tr` of `tr.12`; `x.pe` stays.
    private static func baseName(_ name: Substring) -> String {
        guard let dot = name.lastIndex(of: "."),
            name[dot...].dropFirst().utf8.allSatisfy({ (0x30...0x39).contains($0) })
        else { return name.lowercased() }
        return name[..<dot].lowercased()
    }
}

/// What has been found while a link is read.
private struct MagnetFields {
    var infoHash: InfoHash?
    var version2Hash: Version2InfoHash?
    var displayName: String?
    var urls: [String: [String]] = [:]
    var peers: [PeerAddress] = []
    var namedPeers: [AnnounceResponse.NamedPeer] = []
    var selectedFiles: [ClosedRange<Int>]?

    mutating func add(name: String, value: Substring) throws(MagnetError) {
        func decoded(plusIsSpace: Bool = false) throws(MagnetError) -> String {
            guard let bytes = percentDecoded(value, plusIsSpace: plusIsSpace) else {
                throw .malformedEscape(parameter: name)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        switch name {
        case "xt": try addTopic(decoded())
        case "dn":
            let text = try decoded(plusIsSpace: true)
            if displayName == nil, !text.isEmpty { displayName = text }
        case "tr", "ws", "xs", "as":
            let url = try decoded()
            // A line break or a space could end the request in which the URL is used.
            guard !url.isEmpty, url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f }),
                urls[name, default: []].count < MagnetLink.maximumEntryCount,
                !urls[name, default: []].contains(url)
            else { return }
            urls[name, default: []].append(url)
        case "x.pe": addPeer(try decoded())
        case "so": try addSelection(decoded())
        default: return
        }
    }

    private mutating func addTopic(_ text: String) throws(MagnetError) {
        let lowercased = text.lowercased()
        // Other topics (urn:sha1, urn:tree:tiger …) are of other networks.
        let digits = String(text.dropFirst("urn:btih:".count))
        if lowercased.hasPrefix("urn:btih:") {
            guard let hash = InfoHash(hex: digits) ?? base32Bytes(digits).flatMap(InfoHash.init)
            else { throw .malformedInfoHash(String(digits.prefix(80))) }
            guard infoHash == nil || infoHash == hash else { throw .conflictingInfoHashes }
            infoHash = hash
        } else if lowercased.hasPrefix("urn:btmh:") {
            // Multihash: function 0x12 is SHA-256, 0x20 its length.
            guard let bytes = hexadecimalBytes(digits), bytes.starts(with: [0x12, 0x20]),
                let hash = Version2InfoHash(bytes: bytes.dropFirst(2))
            else { throw .malformedInfoHash(String(digits.prefix(80))) }
            guard version2Hash == nil || version2Hash == hash else { throw .conflictingInfoHashes }
            version2Hash = hash
        }
    }

    private mutating func addPeer(_ text: String) {
        guard peers.count + namedPeers.count < MagnetLink.maximumEntryCount else { return }
        if let address = PeerAddress(text) {
            if !peers.contains(address) { peers.append(address) }
            return
        }
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...]), port != 0
        else { return }
        let host = text[..<colon]
        // RFC 1123: letters, digits, hyphens, dots. Numbers alone would be a malformed address.
        guard (1...253).contains(host.utf8.count), host.utf8.allSatisfy(isHostNameByte),
            host.contains(where: \.isLetter)
        else { return }
        let peer = AnnounceResponse.NamedPeer(hostName: String(host), port: port)
        if !namedPeers.contains(peer) { namedPeers.append(peer) }
    }

    private mutating func addSelection(_ text: String) throws(MagnetError) {
        guard selectedFiles == nil else { return }
        var ranges: [ClosedRange<Int>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            let numbers = ends.compactMap { fileNumber($0) }
            guard (1...2).contains(ends.count), numbers.count == ends.count,
                let first = numbers.first, let last = numbers.last, first <= last
            else { throw .malformedSelection }
            ranges.append(first...last)
        }
        ranges.sort { $0.lowerBound < $1.lowerBound }
        var merged: [ClosedRange<Int>] = []
        for range in ranges {
            if let last = merged.last, range.lowerBound <= last.upperBound + 1 {
                merged[merged.count - 1] =
                    last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        selectedFiles = merged
    }

    private func fileNumber(_ text: Substring) -> Int? {
        guard (1...8).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(text),
            number < MagnetLink.maximumFileCount
        else { return nil }
        return number
    }
}

private func isHostNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."): true
    default: false
    }
}
