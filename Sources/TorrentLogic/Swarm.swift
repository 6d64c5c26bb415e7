package import BitTorrentProtocol

/// Everything that one torrent decides: whom to dial, request from, serve and ban.
///
/// Events and the time go in, actions come out; it has no clock, no socket and no payload bytes, so
/// that a whole swarm of them runs in virtual time from a seed.
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
        /// Hash the block: if it is the leaf write it and report `proved`, else report `refuted`; or
        /// report `writeFailed` of its piece.
        case prove(Block, leaf: SHA256Digest)
        /// The hashes of all pieces of the file with this root are known: keep them.
        case keepLayer(root: SHA256Digest)
        /// For the log: no peer gives the hashes without which pieces cannot be verified.
        case lackHashes
        /// Hash the pieces of the answer and send it, then report `answeredHashes`.
        case answerHashes(HashAnswer, to: PeerKey)
        /// Forget the blocks held of an unfinished piece.
        case discard(PieceIndex)
        /// Connect and shake hands, then report `connected` or `dialFailed`.
        case dial(PeerAddress)
        case close(PeerKey, reason: CloseReason)
        /// Tell the peer that we have the piece no more, if it understands that (BEP 54).
        case tellLost(PieceIndex, to: PeerKey)
        /// Tell all peers whether we want data from now on (BEP 21).
        case tellUploadOnly(Bool)
        /// For the log: the peer at this address sent a wrong block of the piece and is banned.
        case banned(PeerAddress, piece: PieceIndex)
    }

    /// The pieces that are verified and written.
    package internal(set) var have: Bitfield
    /// Payload bytes that arrived, needed or not.
    package internal(set) var receivedByteCount: UInt64 = 0
    /// Of these, bytes that were dropped: duplicates, late or never asked for.
    package internal(set) var wastedByteCount: UInt64 = 0

    let geometry: PieceGeometry
    let ownID: PeerID
    var limits: SwarmLimits
    let shuffleSeed: UInt64
    var peers = PeerTable()
    /// Who was behind keys that are gone, oldest first: a piece may convict them later.
    var departed: [(key: PeerKey, identity: PeerIdentity)] = []
    var pool: PeerPool
    var webSeeds: WebSeedPool
    var choker: Choker
    /// `nil` for a v1 torrent.
    var hashes: HashExchange?
    var picker: PiecePicker
    var assembler: PieceAssembler
    var demand: ReadDemand
    /// As peers see us.
    var ownAddresses = OwnAddresses()
    var plan: DemandPlan

    /// How the pieces that no reader wants are fetched; `nil` if they are not.
    var background: Background?
    /// Such pieces that are planned, in the order of their choice.
    var backgroundPieces: [PieceIndex] = []
    /// Those that are fetched in the background; `nil` for all.
    var selection: PieceSelection?
    /// Pieces of the plan that we do not have yet.
    var missingCount = 0
    /// When pieces were last wanted and missing.
    var lastDemand: Instant?
    /// What may be requested a second time.
    var hedgeBudget = HedgeBudget()
    /// Bytes that may be requested a second time while nobody is known to send what is right.
    var copyAllowance = Self.maximumCopiedLength
    var famine = Famine()
    /// Bytes per second of a peer that is neither fast nor slow among ours, at the last tick.
    var typicalRate: Double?

    var downloadAllowance = TransferAllowance()
    var uploadAllowance = TransferAllowance()
    /// The peer that was served last while a limit holds.
    var lastServed = PeerKey(rawValue: 0)
    /// Where the round of requests begins while a limit holds.
    var requestTurn = 0

    var tickAt: Instant?
    var maintenanceAt: Instant?
    /// When the peers are told of the pieces that came in.
    var haveAt: Instant?
    var lastMaintenance: Instant
    /// When pieces that could not be written are tried again.
    var resumeAt: Instant?
    var isStopped = false
    var actions: [Action] = []

    /// Between looks at what is late, while a reader waits and while none does.
    static let tick = (waitedFor: Duration.milliseconds(50), else: Duration.milliseconds(250))
    static let maintenance = Duration.seconds(5)
    static let writeRetry = Duration.seconds(10)
    /// Pieces without a hash for which one is asked at a time.
    static let maximumLackingPieces = 16
    static let maximumDeparted = 256
    /// Blocks that are shared out at once among peers that nothing is known of.
    static let sharedBlockCount = 256

    /// - Parameters:
    ///   - have: the pieces verified and on disk; of the geometry's piece count.
    ///   - hashes: of a v2 or hybrid torrent.
    ///   - webSeedCount: web seeds of the torrent; each has the key `.webSeed` of its number.
    ///   - ownID: our peer id, to notice connections to ourselves.
    ///   - seed: of the random choices (optimistic unchoke, order of dials).
    package init(
        geometry: PieceGeometry,
        have: Bitfield,
        hashes: HashExchange? = nil,
        webSeedCount: Int = 0,
        ownID: PeerID,
        limits: SwarmLimits = SwarmLimits(),
        seed: UInt64,
        now: Instant
    ) {
        precondition(have.count == geometry.pieceCount)
        self.geometry = geometry
        self.have = have
        self.hashes = hashes
        self.ownID = ownID
        self.limits = limits
        shuffleSeed = seed
        pool = PeerPool(limits: limits, seed: seed)
        webSeeds = WebSeedPool(count: webSeedCount, pieceCount: geometry.pieceCount)
        choker = Choker(slots: limits.uploadSlots, seed: seed &+ 1, now: now)
        picker = PiecePicker(
            geometry: geometry,
            maximumByteCount: limits.unverifiedByteCount(ofPieces: geometry.pieceLength)
        )
        assembler = PieceAssembler(geometry: geometry)
        demand = ReadDemand(pieceLength: geometry.pieceLength, comesInBlocks: hashes != nil)
        plan = DemandPlan(geometry: geometry)
        lastMaintenance = now
    }

    /// How many bytes the read-ahead of all streams together may hold: this torrent's share of the
    /// cache.
    package mutating func setWindowBudget(_ byteCount: UInt64, now: Instant) {
        guard demand.windowBudget != byteCount else { return }
        demand.windowBudget = byteCount
        replan(now: now, always: true)
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions = [] }
        return actions
    }

    /// When to call `timerFired`; it changes with every event.
    package var nextDeadline: Instant? {
        [tickAt, maintenanceAt, haveAt].compactMap(\.self).min()
    }

    package mutating func timerFired(now: Instant) {
        guard !isStopped else { return }
        if let haveAt, haveAt <= now { sendHaves(now: now) }
        if let tickAt, tickAt <= now { tickFired(now: now) }
        if let maintenanceAt, maintenanceAt <= now { maintain(now: now) }
    }

    /// Bytes are wanted that we do not have yet; announce and look for peers while true.
    package var hasDemand: Bool { missingCount > 0 }
    /// Readers want bytes that we do not have yet.
    package var hasReaderDemand: Bool {
        hasDemand && (background == nil || plan.order.contains { !have[$0] })
    }
    /// Peers that have something we lack and have unchoked us.
    package var usablePeerCount: Int {
        peers.indices.count { !peers[$0].isChokingUs && peers[$0].offerCount > 0 }
    }
    /// Connections; web seeds do not count.
    package var peerCount: Int { peers.count { !$0.isWebSeed } }
    /// Addresses that have not failed, for whoever goes on with the torrent.
    package var promisingAddresses: [PeerAddress] { pool.promising }

    /// Closes every connection; no event but `disconnected` may follow.
    package mutating func stop(now: Instant) {
        for peer in peers { actions.append(.close(peer.key, reason: .stopping)) }
        peers = PeerTable()
        isStopped = true
        missingCount = 0
        tickAt = nil
        maintenanceAt = nil
        haveAt = nil
    }
}
