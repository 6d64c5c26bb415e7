import Bencode

extension Metainfo {
    /// Reads a `.torrent` file.
    ///
    /// Of a hybrid torrent (BEP 52) the v1 description is used. Bytes after the dictionary are ignored.
    package init(
        parsing bytes: [UInt8],
        limits: MetainfoLimits = MetainfoLimits()
    ) throws(MetainfoError) {
        let top = try decodeDictionary(bytes, limits: limits, allowsTrailingBytes: true)
        guard let info = top["info"], info.kind == .dictionary else {
            throw .missingInfo
        }
        let infoBytes = Array(info.encoded)
        self.init(
            infoHash: InfoHash(ofInfoDictionary: infoBytes),
            info: try TorrentInfo(info, limits: limits),
            infoBytes: infoBytes,
            trackerTiers: tiers(in: top, limits: limits),
            webSeeds: findWebSeeds(in: top, limits: limits),
            creationDate: top["creation date"]?.integer
        )
    }

    /// Makes a metainfo of an info dictionary that came without a file: from peers, or kept from an
    /// earlier run.
    package init(
        infoBytes: [UInt8],
        trackerTiers: [[String]],
        webSeeds: [WebSeed] = [],
        creationDate: Int64? = nil,
        limits: MetainfoLimits = MetainfoLimits()
    ) throws(MetainfoError) {
        self.init(
            infoHash: InfoHash(ofInfoDictionary: infoBytes),
            info: try TorrentInfo(parsingInfo: infoBytes, limits: limits),
            infoBytes: infoBytes,
            trackerTiers: trackerTiers,
            webSeeds: webSeeds,
            creationDate: creationDate
        )
    }
}

extension TorrentInfo {
    /// Reads a raw info dictionary.
    package init(
        parsingInfo bytes: [UInt8],
        limits: MetainfoLimits = MetainfoLimits()
    ) throws(MetainfoError) {
        try self.init(
            try decodeDictionary(bytes, limits: limits, allowsTrailingBytes: false),
            limits: limits
        )
    }

    /// - Parameter info: a dictionary.
    init(_ info: BencodeValue, limits: MetainfoLimits) throws(MetainfoError) {
        let parser = InfoParser(info: info, limits: limits)
        try parser.checkVersion()
        let layout = try parser.files()
        let geometry = try parser.geometry(totalLength: layout.totalLength)
        self.init(
            name: try parser.name(),
            isSingleFile: layout.isSingleFile,
            files: layout.files,
            geometry: geometry,
            pieceHashes: try parser.pieceHashes(for: geometry),
            isPrivate: info["private"]?.integer == 1
        )
    }
}

private func decodeDictionary(
    _ bytes: [UInt8],
    limits: MetainfoLimits,
    allowsTrailingBytes: Bool
) throws(MetainfoError) -> BencodeValue {
    // Torrents with unsorted keys are in use; their info-hash is that of their bytes.
    let decoder = BencodeDecoder(
        limits: BencodeLimits(byteCount: limits.byteCount, valueCount: limits.valueCount),
        keyOrder: .any,
        allowsTrailingBytes: allowsTrailingBytes
    )
    let value: BencodeValue
    do throws(BencodeError) {
        value = try decoder.decode(bytes)
    } catch {
        throw .notBencode(error)
    }
    guard value.kind == .dictionary else { throw .notDictionary }
    return value
}

/// The trackers; `announce-list` replaces `announce` (BEP 12).
///
/// What is no usable URL is left out, because a torrent can do without it.
private func tiers(in top: BencodeValue, limits: MetainfoLimits) -> [[String]] {
    var seen: Set<String> = []
    func accept(_ value: BencodeValue) -> String? {
        guard seen.count < limits.trackerCount, let bytes = value.string, !bytes.isEmpty,
            bytes.count <= limits.trackerByteCount, let url = value.text,
            seen.insert(url).inserted
        else { return nil }
        return url
    }
    let tiers = (top["announce-list"]?.list).map { tiers in
        tiers.compactMap { tier in
            // A tier is a list; some torrents have the bare URL.
            let urls = tier.list.map { $0.compactMap(accept) } ?? accept(tier).map { [$0] } ?? []
            return urls.isEmpty ? nil : urls
        }
    }
    if let tiers, !tiers.isEmpty { return tiers }
    return top["announce"].flatMap(accept).map { [[$0]] } ?? []
}

/// The web seeds; one URL may stand where there should be a list of them.
private func findWebSeeds(in top: BencodeValue, limits: MetainfoLimits) -> [WebSeed] {
    var seeds: [WebSeed] = []
    func add(_ value: BencodeValue?, _ style: WebSeed.Style) {
        for text in value?.list.map({ $0.compactMap(\.text) }) ?? [value?.text].compactMap(\.self) {
            guard seeds.count < limits.webSeedCount, let seed = WebSeed(text, style: style),
                !seeds.contains(seed)
            else { continue }
            seeds.append(seed)
        }
    }
    add(top["url-list"], .getRight)
    add(top["httpseeds"], .hoffman)
    return seeds
}
