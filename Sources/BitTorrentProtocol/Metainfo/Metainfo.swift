/// A validated `.torrent` file (BEP 3, 12, 17, 19, 52).
package struct Metainfo: Sendable {
    /// The torrent's identity: the SHA-1 of the info dictionary, or the first bytes of its SHA-256 if
    /// the torrent is one of v2 alone.
    package let infoHash: InfoHash
    /// The SHA-256 of the info dictionary of a v2 or hybrid torrent.
    package let version2Hash: Version2InfoHash?
    package let info: TorrentInfo
    /// The info dictionary exactly as found: its SHA-1 is the info-hash, so it is never re-encoded.
    package let infoBytes: [UInt8]
    /// `announce-list`, or `announce` as the only tier (BEP 12).
    package let trackerTiers: [[String]]
    /// `url-list` (BEP 19), then `httpseeds` (BEP 17); none twice.
    package let webSeeds: [WebSeed]
    /// `creation date`, seconds since 1970.
    package let creationDate: Int64?
    /// What is known of `piece layers`; of a torrent whose metadata came from peers, nothing at first.
    package let pieceLayers: PieceLayers

    package init(
        infoHash: InfoHash,
        version2Hash: Version2InfoHash? = nil,
        info: TorrentInfo,
        infoBytes: [UInt8],
        trackerTiers: [[String]],
        webSeeds: [WebSeed] = [],
        creationDate: Int64?,
        pieceLayers: PieceLayers = [:]
    ) {
        self.version2Hash = version2Hash
        self.pieceLayers = pieceLayers
        self.infoHash = infoHash
        self.info = info
        self.infoBytes = infoBytes
        self.trackerTiers = trackerTiers
        self.webSeeds = webSeeds
        self.creationDate = creationDate
    }

    /// The names of the torrent's swarms.
    package var swarmHashes: SwarmHashes {
        SwarmHashes(of: infoHash, version2Hash)
    }
}
