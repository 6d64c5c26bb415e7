import BitTorrentProtocol

/// What a `Swarm` knows of one connected peer.
struct Peer {
    let key: PeerKey
    /// `nil` for a web seed.
    let identity: PeerIdentity?
    let connectedAt: ContinuousClock.Instant

    /// The pieces it announced.
    var has: Bitfield
    /// Pieces that it has and we lack.
    var offerCount = 0
    /// It has sent a message other than those of extensions: what is allowed as the first only
    /// (BEP 6) is no longer.
    var hasSpoken = false
    /// Both sides speak the fast extension (BEP 6): what is not served is rejected.
    let isFast: Bool
    /// Pieces that may be requested though it chokes us (BEP 6), of those it has.
    var allowedFast: Bitfield
    /// Pieces that it would like to give (BEP 6), the latest last.
    var suggested: [PieceIndex] = []
    /// Those that it may be allowed to request while choked, the set of its address (BEP 6).
    let offeredAlways: [PieceIndex]
    /// Those of them that it was allowed.
    var alwaysAllowed: Set<PieceIndex> = []
    /// Bytes of them that it may still get while choked.
    var alwaysAllowedByteCount: UInt64 = 0
    /// It has said that it wants no data (BEP 21).
    var isUploadOnly = false
    /// It rejected a request: no other until then.
    var restsUntil: ContinuousClock.Instant?

    var isChokingUs = true
    var isInterestedInUs = false
    var areWeInterested = false
    var isUnchoked = false
    /// Pieces that came in and that it was not told of yet.
    var untold: [PieceIndex] = []

    var pipeline: RequestPipeline
    /// Requests that were cancelled or choked away: their blocks may still be on the wire.
    var voided = VoidedRequests()
    var unsolicitedByteCount: UInt64 = 0
    var wasUseful = false
    /// Blocks that it was asked for though another was.
    var copyCount = 0

    /// Its requests that are not given to the owner yet.
    var queuedRequests: [Block] = []
    var servesInFlight = 0

    /// Bytes since the choker's last round.
    var receivedInRound: UInt64 = 0
    /// Of the last rounds, each counted half as much as the one after it.
    private(set) var receivedRecently: UInt64 = 0

    var lastSent: ContinuousClock.Instant
    var lastReceived: ContinuousClock.Instant

    private static let maximumSuggested = 8

    init(
        key: PeerKey,
        identity: PeerIdentity,
        isFast: Bool,
        offeredAlways: [PieceIndex],
        pieceCount: Int,
        limits: SwarmLimits,
        now: ContinuousClock.Instant
    ) {
        self.key = key
        self.identity = identity
        connectedAt = now
        self.isFast = isFast
        self.offeredAlways = offeredAlways
        has = Bitfield(count: pieceCount)
        allowedFast = Bitfield(count: pieceCount)
        pipeline = RequestPipeline(
            maximumDepth: limits.maximumPipelineDepth,
            patience: limits.snubPatience,
            now: now
        )
        lastSent = now
        lastReceived = now
    }

    mutating func endRound() {
        receivedRecently = receivedRecently / 2 + receivedInRound
        receivedInRound = 0
    }

    mutating func suggest(_ piece: PieceIndex) {
        guard !suggested.contains(piece) else { return }
        if suggested.count >= Self.maximumSuggested { suggested.removeFirst() }
        suggested.append(piece)
    }

    /// Whether the block is served though the peer is choked.
    func mayAlwaysGet(_ block: Block) -> Bool {
        alwaysAllowed.contains(block.piece) && alwaysAllowedByteCount >= UInt64(block.length)
    }

    mutating func spendAlwaysAllowed(_ block: Block) {
        alwaysAllowedByteCount -= UInt64(block.length)
    }

    /// One that has everything and does not choke.
    init(
        webSeed number: Int,
        pieceCount: Int,
        limits: SwarmLimits,
        now: ContinuousClock.Instant
    ) {
        key = .webSeed(number)
        identity = nil
        connectedAt = now
        isFast = false
        offeredAlways = []
        has = Bitfield(count: pieceCount)
        allowedFast = Bitfield(count: pieceCount)
        isChokingUs = false
        pipeline = RequestPipeline(
            maximumDepth: limits.maximumStatedPipelineDepth,
            initialDepth: 4 * Swarm.minimumWebSeedRun,
            minimumDepth: Swarm.minimumWebSeedRun,
            patience: limits.snubPatience,
            now: now
        )
        lastSent = now
        lastReceived = now
    }

    var isWebSeed: Bool { identity == nil }

    /// Whether it would answer a request of something that it has.
    var mayBeAsked: Bool {
        offerCount > 0 && (!isChokingUs || !allowedFast.isEmpty) && restsUntil == nil
    }

    mutating func void(_ block: Block) { voided.insert(block) }
}

/// The connected peers in the order of their keys, so that the same events give the same actions.
struct PeerTable: RandomAccessCollection, MutableCollection {
    private var peers: [Peer] = []

    var startIndex: Int { 0 }
    var endIndex: Int { peers.count }

    subscript(index: Int) -> Peer {
        _read { yield peers[index] }
        _modify { yield &peers[index] }
    }

    func index(of key: PeerKey) -> Int? {
        let index = position(of: key)
        return index < peers.count && peers[index].key == key ? index : nil
    }

    /// - Precondition: no peer has the same key.
    mutating func insert(_ peer: Peer) -> Int {
        let index = position(of: peer.key)
        precondition(index == peers.count || peers[index].key != peer.key, "key used twice")
        peers.insert(peer, at: index)
        return index
    }

    mutating func remove(at index: Int) -> Peer { peers.remove(at: index) }

    private func position(of key: PeerKey) -> Int {
        var low = 0
        var high = peers.count
        while low < high {
            let middle = (low + high) / 2
            if peers[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
