/// What a tracker answers (BEP 3, BEP 7, BEP 23, BEP 24), whatever carries it.
package struct AnnounceResponse: Equatable, Sendable {
    /// A peer that the tracker names by a host name.
    package struct NamedPeer: Hashable, Sendable {
        package let hostName: String
        package let port: UInt16
    }

    /// IPv4 and IPv6; none with port zero, in the tracker's order.
    package var peers: [PeerAddress] = []
    package var namedPeers: [NamedPeer] = []
    /// How long to wait before the next regular announce; `nil` if the tracker does not say.
    package var interval: Duration?
    /// The least wait before any announce.
    package var minimumInterval: Duration?
    /// Peers with the whole torrent, and others.
    package var seedCount: Int?
    package var leecherCount: Int?
    /// To be sent back with the next announce.
    package var trackerID: [UInt8]?
    /// Our address as the tracker sees it, 4 or 16 bytes (`external ip`, BEP 24).
    package var ownHost: [UInt8]?
    /// For the user to read; the announce has succeeded.
    package var warning: String?

    package init() {}
}
