import BitTorrentProtocol
import TorrentLogic

extension CacheSpace {
    /// A torrent that can give something up.
    protocol Owner: AnyObject, Sendable {
        /// Begins to give up what the candidate is to; the owner reports to the space.
        func giveUp(_ candidate: CacheBudget.Candidate, in space: CacheSpace)
        /// Drops pieces that are in memory alone.
        func dropFromMemory(_ pieces: [PieceIndex])
    }
}
