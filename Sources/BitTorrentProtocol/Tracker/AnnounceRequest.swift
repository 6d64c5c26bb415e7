/// What a tracker is told (BEP 3), whatever carries it.
package struct AnnounceRequest: Equatable, Sendable {
    package enum Event: String, Sendable {
        case started
        case completed
        case stopped
    }

    package var infoHash: InfoHash
    package var peerID: PeerID
    /// TCP port on which this program listens.
    package var port: UInt16
    /// Bytes sent and received since `started`.
    package var uploaded: UInt64
    package var downloaded: UInt64
    /// Bytes of the torrent that are not here.
    package var left: UInt64
    /// `nil` for a regular announce.
    package var event: Event?
    /// Peers wanted.
    package var wantedPeerCount: Int
    /// Identifies this program to the tracker if its address changes; constant for a torrent.
    package var key: UInt32
    /// What the tracker's last response told to send back.
    package var trackerID: [UInt8]?

    package init(
        infoHash: InfoHash,
        peerID: PeerID,
        port: UInt16,
        uploaded: UInt64 = 0,
        downloaded: UInt64 = 0,
        left: UInt64,
        event: Event? = nil,
        wantedPeerCount: Int = 100,
        key: UInt32,
        trackerID: [UInt8]? = nil
    ) {
        self.infoHash = infoHash
        self.peerID = peerID
        self.port = port
        self.uploaded = uploaded
        self.downloaded = downloaded
        self.left = left
        self.event = event
        self.wantedPeerCount = wantedPeerCount
        self.key = key
        self.trackerID = trackerID
    }
}
