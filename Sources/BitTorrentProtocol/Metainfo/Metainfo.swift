/// A validated `.torrent` file (BEP 3, 12, 17, 19).
package struct Metainfo: Sendable {
    package let infoHash: InfoHash
    package let info: TorrentInfo
    /// The info dictionary exactly as found: its SHA-1 is the info-hash, so it is never re-encoded.
    package let infoBytes: [UInt8]
    /// `announce-list`, or `announce` as the only tier (BEP 12).
    package let trackerTiers: [[String]]
    /// `url-list` (BEP 19), then `httpseeds` (BEP 17); none twice.
    package let webSeeds: [WebSeed]
    /// `creation date`, seconds since 1970.
    package let creationDate: Int64?

    package init(
        infoHash: InfoHash,
        info: TorrentInfo,
        infoBytes: [UInt8],
        trackerTiers: [[String]],
        webSeeds: [WebSeed] = [],
        creationDate: Int64?
    ) {
        self.infoHash = infoHash
        self.info = info
        self.infoBytes = infoBytes
        self.trackerTiers = trackerTiers
        self.webSeeds = webSeeds
        self.creationDate = creationDate
    }
}
