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
    /// A bitfield is allowed only before any other message (BEP 3, BEP 6).
    var mayStillSendBitfield = true
    /// Both sides speak the fast extension (BEP 6): what is not served is rejected.
    let isFast: Bool
    /// Pieces that may be requested though it chokes us (BEP 6), of those it has.
    var allowedFast: Bitfield
    /// It rejected a request: no other until then.
    var restsUntil: ContinuousClock.Instant?

    var isChokingUs = true
    var isInterestedInUs = false
    var areWeInterested = false
    var isUnchoked = false

    var pipeline: RequestPipeline
    /// Requests that were cancelled or choked away: their blocks may still be on the wire.
    var voided: Set<Block> = []
    var unsolicitedByteCount: UInt64 = 0
    var wasUseful = false

    /// Its requests that are not given to the owner yet.
    var queuedRequests: [Block] = []
    var servesInFlight = 0

    /// Bytes since the choker's last round.
    var receivedInRound: UInt64 = 0
    var servedInRound: UInt64 = 0

    var lastSent: ContinuousClock.Instant
    var lastReceived: ContinuousClock.Instant

    private static let maximumVoided = 1024

    init(
        key: PeerKey,
        identity: PeerIdentity,
        isFast: Bool,
        pieceCount: Int,
        limits: SwarmLimits,
        now: ContinuousClock.Instant
    ) {
        self.key = key
        self.identity = identity
        connectedAt = now
        self.isFast = isFast
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

    mutating func void(_ block: Block) {
        if voided.count >= Self.maximumVoided { voided.removeAll() }
        voided.insert(block)
    }
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
