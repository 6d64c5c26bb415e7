/// A validated `.torrent` file (BEP 3, 12).
package struct Metainfo: Sendable {
    package let infoHash: InfoHash
    package let info: TorrentInfo
    /// The info dictionary exactly as found: its SHA-1 is the info-hash, so it is never re-encoded.
    package let infoBytes: [UInt8]
    /// `announce-list`, or `announce` as the only tier (BEP 12).
    package let trackerTiers: [[String]]
    /// `creation date`, seconds since 1970.
    package let creationDate: Int64?

    package init(
        infoHash: InfoHash,
        info: TorrentInfo,
        infoBytes: [UInt8],
        trackerTiers: [[String]],
        creationDate: Int64?
    ) {
        self.infoHash = infoHash
        self.info = info
        self.infoBytes = infoBytes
        self.trackerTiers = trackerTiers
        self.creationDate = creationDate
    }
}
