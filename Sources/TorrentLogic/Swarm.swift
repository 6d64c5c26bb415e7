package import BitTorrentProtocol

/// Names a connection to a peer for as long as it lives; never reused within a torrent.
package struct PeerKey: Hashable, Comparable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Everything that one torrent decides: whom to dial, what to request from whom, whom to serve,
/// whom to ban. Events and the time go in, actions come out; it has no clock, no socket and no
/// payload bytes, so that a whole swarm of them runs in virtual time from a seed.
package struct Swarm {
    package typealias Instant = ContinuousClock.Instant

    /// What the owner must do next, in order.
    package enum Action: Equatable, Sendable {
        /// Never `.piece`: payload is sent by `.serve`.
        case send(PeerMessage, to: PeerKey)
        /// Read the block from the cache and send it as a `piece` message, then report `served`.
        case serve(Block, to: PeerKey)
        /// All blocks of the piece are in: hash and write it, then report `verified` or `rejected`.
        case verify(PieceIndex)
        /// Forget the blocks held of an unfinished piece.
        case discard(PieceIndex)
        case dial(PeerAddress)
        case close(PeerKey, reason: CloseReason)
    }
}
