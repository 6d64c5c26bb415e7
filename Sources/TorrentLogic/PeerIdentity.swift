package import BitTorrentProtocol

/// Who a peer is, as far as we know.
package struct PeerIdentity: Equatable, Sendable {
    /// The remote end of the socket; where the peer listens only if we dialled it.
    package let address: PeerAddress
    package let isIncoming: Bool
    package let id: PeerID

    package init(address: PeerAddress, isIncoming: Bool, id: PeerID) {
        self.address = address
        self.isIncoming = isIncoming
        self.id = id
    }
}
