import Bencode

extension Metainfo {
    /// Reads a `.torrent` file.
    ///
    /// Bytes after the dictionary are ignored.
    package init(
        parsing bytes: [UInt8],
        limits: MetainfoLimits = MetainfoLimits()
    ) throws(MetainfoError) {
        let top = try decodeDictionary(bytes, limits: limits, allowsTrailingBytes: true)
        guard let info = top["info"], info.kind == .dictionary else {
            throw .missingInfo
        }
        let parsed = try TorrentInfo(info, limits: limits)
        self.init(
            info: parsed,
            infoBytes: Array(info.encoded),
            trackerTiers: tiers(in: top, limits: limits),
            webSeeds: findWebSeeds(in: top, limits: limits),
            creationDate: top["creation date"]?.integer,
            pieceLayers: try PieceLayers(parsing: top["piece layers"], of: parsed)
        )
    }

    /// Makes a metainfo of an info dictionary that came without a file: from peers, or kept from an
    /// earlier run.
    ///
    /// - Parameter pieceLayers: checked against the torrent's roots when they came.
    package init(
        infoBytes: [UInt8],
        trackerTiers: [[String]],
        webSeeds: [WebSeed] = [],
        creationDate: Int64? = nil,
        pieceLayers: PieceLayers = [:],
        limits: MetainfoLimits = MetainfoLimits()
    ) throws(MetainfoError) {
        self.init(
            info: try TorrentInfo(parsingInfo: infoBytes, limits: limits),
            infoBytes: infoBytes,
            trackerTiers: trackerTiers,
            webSeeds: webSeeds,
            creationDate: creationDate,
            pieceLayers: pieceLayers
        )
    }

    private init(
        info: TorrentInfo,
        infoBytes: [UInt8],
        trackerTiers: [[String]],
        webSeeds: [WebSeed],
        creationDate: Int64?,
        pieceLayers: PieceLayers
    ) {
        let version2Hash =
            info.version.hasVersion2 ? Version2InfoHash(ofInfoDictionary: infoBytes) : nil
        let infoHash: InfoHash =
            if let version2Hash, !info.version.hasVersion1 {
                version2Hash.truncated
            } else {
                InfoHash(ofInfoDictionary: infoBytes)
            }
        self.init(
            infoHash: infoHash,
            version2Hash: version2Hash,
            info: info,
            infoBytes: infoBytes,
            trackerTiers: trackerTiers,
            webSeeds: webSeeds,
            creationDate: creationDate,
            pieceLayers: pieceLayers
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
        switch try parser.version() {
        case .version1: try self.init(version1: parser)
        case .version2: try self.init(version2: parser)
        case .hybrid: try self.init(hybrid: parser)
        }
    }

    private init(version1 parser: InfoParser) throws(MetainfoError) {
        let layout = try parser.files()
        let geometry = try parser.geometry(totalLength: layout.totalLength)
        self.init(
            name: try parser.name(),
            isSingleFile: layout.isSingleFile,
            files: layout.files,
            geometry: geometry,
            pieceHashes: try parser.pieceHashes(for: geometry),
            isPrivate: parser.isPrivate
        )
    }

    private init(version2 parser: InfoParser) throws(MetainfoError) {
        let pieceLength = try parser.version2PieceLength()
        let tree = try FileTree(parsing: parser.info["file tree"], parser.limits)
        let layout = try tree.layout(pieceLength: pieceLength, limits: parser.limits)
        let name = try parser.name()
        self.init(
            name: layout.singleName ?? name,
            isSingleFile: layout.singleName != nil,
            files: layout.files,
            geometry: layout.geometry,
            pieceHashes: [],
            hashTrees: layout.hashTrees,
            isPrivate: parser.isPrivate
        )
    }

    /// Both descriptions are read, and must be of the same files at the same places (BEP 52).
    private init(hybrid parser: InfoParser) throws(MetainfoError) {
        let pieceLength = try parser.version2PieceLength()
        let tree = try FileTree(parsing: parser.info["file tree"], parser.limits)
        let version2 = try tree.layout(pieceLength: pieceLength, limits: parser.limits)
        let version1 = try parser.files()
        let names = parser.names
        guard !names.isEmpty else { throw .missingName }
        let agreed = try version2.agreed(with: version1, names: names)
        self.init(
            name: try parser.name(),
            isSingleFile: version1.isSingleFile,
            files: version1.files,
            geometry: agreed.geometry,
            pieceHashes: try parser.pieceHashes(for: agreed.geometry),
            hashTrees: agreed.hashTrees,
            isPrivate: parser.isPrivate
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
        limits: BencodeLimits(
            byteCount: limits.byteCount,
            // A file tree has a level for each directory (BEP 52).
            depth: limits.pathDepth + 8,
            valueCount: limits.valueCount
        ),
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
