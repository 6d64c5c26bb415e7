package import BitTorrentProtocol

/// Names a connection to a peer for as long as it lives; never reused within a torrent.
package struct PeerKey: Hashable, Comparable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Names one wait of a reader for bytes; never reused within a torrent.
package struct WaitID: Hashable, Comparable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// Everything that one torrent decides: whom to dial, what to request from whom, whom to serve,
/// whom to ban. Events and the time go in, actions come out; it has no clock, no socket and no
/// payload bytes, so that a whole swarm of them runs in virtual time from a seed.
///
/// After every event the owner takes the actions (`takeActions`), performs them in order, and sets
/// its timer to `nextDeadline`. A connection that was told to `close` is forgotten at once: what
/// still arrives from it is ignored.
package struct Swarm {
    package typealias Instant = ContinuousClock.Instant

    /// What the owner must do next, in order.
    package enum Action: Equatable, Sendable {
        /// Never `.piece`: payload is sent by `.serve`.
        case send(PeerMessage, to: PeerKey)
        /// Read the block from the cache and send it as a `piece` message, then report `served`.
        case serve(Block, to: PeerKey)
        /// All blocks of the piece are in: hash and write it, then report `verified`, `rejected` or
        /// `writeFailed`.
        case verify(PieceIndex)
        /// Forget the blocks held of an unfinished piece.
        case discard(PieceIndex)
        /// Connect and shake hands, then report `connected` or `dialFailed`.
        case dial(PeerAddress)
        case close(PeerKey, reason: CloseReason)
        /// For the log: the peer at this address sent a wrong block of the piece and is banned.
        case banned(PeerAddress, piece: PieceIndex)
    }

    /// The pieces that are verified and written.
    package internal(set) var have: Bitfield

    /// - Parameters:
    ///   - have: the pieces verified and on disk; of the geometry's piece count.
    ///   - ownID: our peer id, to notice connections to ourselves.
    ///   - seed: of the random choices (optimistic unchoke, order of dials).
    package init(
        geometry: PieceGeometry,
        have: Bitfield,
        ownID: PeerID,
        limits: SwarmLimits = SwarmLimits(),
        seed: UInt64,
        now: Instant
    ) {
        self.have = have
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] { [] }

    /// When to call `timerFired`; it changes with every event.
    package var nextDeadline: Instant? { nil }

    package mutating func timerFired(now: Instant) {}

    /// Bytes that readers want and we do not have yet; announce and look for peers while true.
    package var hasDemand: Bool { false }
    /// Peers that have something we lack and have unchoked us.
    package var usablePeerCount: Int { 0 }
    package var peerCount: Int { 0 }

    /// Closes every connection; no event but `disconnected` may follow.
    package mutating func stop(now: Instant) {}
}

extension Swarm {
    // MARK: Peers

    /// Addresses from a tracker, the configuration or another source.
    package mutating func found(_ addresses: [PeerAddress], now: Instant) {}

    /// The handshake is done both ways. For an incoming connection `address` is the remote end of
    /// the socket, whose port is not where the peer listens.
    package mutating func connected(
        _ key: PeerKey,
        address: PeerAddress,
        isIncoming: Bool,
        id: PeerID,
        now: Instant
    ) {}

    package mutating func dialFailed(_ address: PeerAddress, now: Instant) {}

    /// The connection is gone, whoever closed it.
    package mutating func disconnected(_ key: PeerKey, now: Instant) {}

    /// - Precondition: `message` is not `.piece`; see `receivedBlock`.
    package mutating func received(_ message: PeerMessage, from key: PeerKey, now: Instant) {}

    /// A `piece` message arrived.
    ///
    /// - Returns: the block whose payload is to be kept until `verify` or `discard` of its piece;
    ///   `nil` if the payload is to be dropped (late duplicate, never asked for, out of range).
    package mutating func receivedBlock(
        piece: UInt32,
        offset: UInt32,
        length: UInt32,
        from key: PeerKey,
        now: Instant
    ) -> Block? { nil }

    /// The payload of a `serve` action was written to the peer's socket, or could not be read.
    package mutating func served(_ block: Block, to key: PeerKey, now: Instant) {}

    // MARK: Pieces

    /// True if the piece was rejected before: then `verified` wants the digests of its blocks.
    package func wantsBlockDigests(of piece: PieceIndex) -> Bool { false }

    /// The piece's hash is right and its bytes are written.
    ///
    /// - Parameter blockDigests: if `wantsBlockDigests`, eight bytes of a cryptographic hash of each
    ///   block, in order; else empty.
    package mutating func verified(
        _ piece: PieceIndex,
        blockDigests: [UInt64] = [],
        now: Instant
    ) {}

    /// The piece's hash is wrong; the owner has dropped its blocks.
    ///
    /// - Parameter blockDigests: eight bytes of a cryptographic hash of each block, in order.
    package mutating func rejected(_ piece: PieceIndex, blockDigests: [UInt64], now: Instant) {}

    /// The piece could not be hashed or written, through no fault of a peer; the owner has dropped
    /// its blocks. It is asked for again after a while.
    package mutating func writeFailed(_ piece: PieceIndex, now: Instant) {}

    /// A piece that we had is gone (evicted, or its bytes on disk turned out wrong).
    package mutating func lost(_ piece: PieceIndex, now: Instant) {}

    // MARK: Readers

    /// A reader asked for `range` of the file at `file`, both byte ranges of the torrent; cached or
    /// not.
    package mutating func read(
        _ range: Range<UInt64>,
        in file: Range<UInt64>,
        by reader: ReaderID,
        now: Instant
    ) {}

    /// Somebody waits for all of `range`; its pieces come before all others.
    package mutating func waitBegan(_ id: WaitID, for range: Range<UInt64>, now: Instant) {}

    /// The wait is over, satisfied or not. What is missing of it stays wanted for 60 s.
    package mutating func waitEnded(_ id: WaitID, now: Instant) {}
}
