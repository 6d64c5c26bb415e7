package import BitTorrentProtocol

extension PiecePicker {
    /// A piece that has blocks to request.
    package struct Offer {
        package let piece: PieceIndex
        /// Its place in the order of need.
        package let position: Int
        /// Its blocks that are neither requested nor received.
        package let openCount: Int
        /// It was wrong before: who may be asked for what is missing of it.
        package let isOpen: ((PeerKey) -> Bool)?
    }

    package enum Admission: Sendable {
        case take
        /// Another peer is to be asked for all of its blocks.
        case pass
        /// As `pass`, and nothing further is for this peer either.
        case stop
    }
}
