import BitTorrentProtocol

// Why a reader waits.
extension Swarm {
    /// Where a piece stands that we do not have.
    package struct Missing: Equatable, Sendable {
        /// Connected peers and web seeds in use.
        package let peerCount: Int
        /// Those that have the piece.
        package let holderCount: Int
        /// Those of them that would answer a request.
        package let readyCount: Int
        /// Requests for its blocks that are in flight.
        package let requestCount: Int
        /// Every block is in: it is being hashed and written.
        package let isWhole: Bool
    }

    /// The first piece of the range that we do not have; `nil` if we have all.
    package func missing(of range: Range<UInt64>) -> Missing? {
        let inside = range.clamped(to: 0..<geometry.totalLength)
        guard
            let piece = geometry.pieces(covering: inside).lazy.map({ PieceIndex($0) })
                .first(where: { !have[$0] })
        else { return nil }
        var (holderCount, readyCount, requestCount) = (0, 0, 0)
        for peer in peers where peer.has[piece] {
            holderCount += 1
            if !peer.isChokingUs || peer.allowedFast[piece] { readyCount += 1 }
            requestCount += peer.pipeline.inFlight.count { $0.block.piece == piece }
        }
        return Missing(
            peerCount: peers.count,
            holderCount: holderCount,
            readyCount: readyCount,
            requestCount: requestCount,
            isWhole: picker.isWhole(piece)
        )
    }
}
