/// How a torrent stands at one moment.
package struct TorrentStatus: Equatable, Sendable {
    /// Bytes of the pieces that are verified and on disk.
    package let verifiedByteCount: UInt64
    package let peerCount: Int
    /// Payload received and sent since the session began.
    package let downloadedByteCount: UInt64
    package let uploadedByteCount: UInt64
}

extension Torrent {
    package var status: TorrentStatus {
        TorrentStatus(
            verifiedByteCount: published.verifiedByteCount,
            peerCount: links.count,
            downloadedByteCount: downloadedByteCount,
            uploadedByteCount: uploadedByteCount
        )
    }
}
