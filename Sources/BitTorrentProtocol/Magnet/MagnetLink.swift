/// How to find a torrent by its hash, without a file: a magnet link (BEP 9, BEP 53).
package struct MagnetLink: Hashable, Sendable {
    /// Bytes of a link that are read before it is refused.
    package static let maximumByteCount = 64 * 1024
    /// Bytes that a `description` may have: escaping makes three bytes of one, and a hash in base32
    /// becomes longer in hexadecimal digits.
    package static let maximumDescriptionByteCount = 3 * maximumByteCount + 64
    /// Entries of each kind that are kept; more are left out.
    package static let maximumEntryCount = 256
    /// File numbers that `so` may name are below this.
    static let maximumFileCount = 1 << 24
    /// `xt=urn:btih:`, the SHA-1 of the info dictionary.
    package let infoHash: InfoHash?
    /// `xt=urn:btmh:1220`, the SHA-256 of a v2 info dictionary (BEP 52).
    package let version2Hash: Version2InfoHash?
    /// `dn`, for display only: anybody could have written it.
    package var displayName: String?
    /// `tr`: URLs, none twice.
    package var trackers: [String] = []
    /// `ws`: URLs of web seeds (BEP 19).
    package var webSeeds: [String] = []
    /// `xs`: URLs of the `.torrent` file.
    package var exactSources: [String] = []
    /// `as`: URLs of the `.torrent` file to fall back on.
    package var acceptableSources: [String] = []
    /// `x.pe`, those given as numbers.
    package var peers: [PeerAddress] = []
    /// `x.pe`, those given by a host name.
    package var namedPeers: [AnnounceResponse.NamedPeer] = []
    /// `so` (BEP 53): the only files wanted, ascending and apart; `nil` means every file.
    package var selectedFiles: [ClosedRange<Int>]?

    /// - Returns: `nil` if there is no hash.
    package init?(infoHash: InfoHash?, version2Hash: Version2InfoHash? = nil) {
        guard infoHash != nil || version2Hash != nil else { return nil }
        self.infoHash = infoHash
        self.version2Hash = version2Hash
    }

    /// The hashes under which trackers, peers and the DHT know the torrent: one or two.
    package var swarmHashes: SwarmHashes {
        SwarmHashes(version1: infoHash, version2: version2Hash?.truncated)
    }

    /// The name of the link's torrent until its metadata is here: the hash of v1 if the link has it,
    /// else the cut one of v2.
    package var primaryHash: InfoHash { swarmHashes.all[0] }
}

extension MagnetLink: CustomStringConvertible {
    /// The link as text, which `init` reads back to an equal value if it may be longer
    /// (`maximumDescriptionByteCount`).
    package var description: String {
        var fields: [String] = []
        if let infoHash { fields.append("xt=urn:btih:\(infoHash.hex)") }
        if let version2Hash {
            fields.append("xt=urn:btmh:1220\(version2Hash)")
        }
        func add(_ name: String, _ values: [String]) {
            fields += values.map { "\(name)=\(percentEncoded($0.utf8))" }
        }
        add("dn", displayName.map { [$0] } ?? [])
        add("tr", trackers)
        add("ws", webSeeds)
        add("xs", exactSources)
        add("as", acceptableSources)
        // The colon and brackets of an address may stand unescaped in a query.
        fields += peers.map { "x.pe=\($0)" }
        fields += namedPeers.map { "x.pe=\(percentEncoded($0.hostName.utf8)):\($0.port)" }
        if let selectedFiles {
            fields.append("so=" + selectedFiles.map(Self.text).joined(separator: ","))
        }
        return "magnet:?" + fields.joined(separator: "&")
    }

    private static func text(_ files: ClosedRange<Int>) -> String {
        files.count == 1
            ? "\(files.lowerBound)" : "\(files.lowerBound)-\(files.upperBound)"
    }
}
