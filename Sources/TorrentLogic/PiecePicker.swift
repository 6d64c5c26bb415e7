package import BitTorrentProtocol

/// Which block to request next from a given peer.
///
/// Told the wanted pieces in order of need (`plan`) and what became of each block, it hands out
/// blocks front to back, each piece striped over all peers that are admitted to it. Bytes of
/// unfinished pieces are bounded; when the bound is reached only an urgent piece displaces another,
/// and any piece one that nobody wants any more.
/// A call costs a few dictionary look-ups, whatever the size of the torrent.
package struct PiecePicker {
    package enum Arrival: Equatable, Sendable {
        /// The piece is not being fetched or the block is in already.
        case notNeeded
        /// The block was needed; so many requests for it had been in flight.
        case needed(requestCount: Int)
    }

    private static let unplanned = UnfinishedPiece.unplanned
    /// Pieces behind the urgent ones among which a peer's suggestions are followed.
    private static let suggestionReach = 16

    private let geometry: PieceGeometry
    private let maximumByteCount: UInt64

    private var plan: [PieceIndex] = []
    /// Of the pieces of the plan that are not wanted whole: the blocks that are.
    private var parts: [PieceIndex: [Range<Int>]] = [:]
    /// Pieces of the plan before this are urgent.
    private var urgentCount = 0
    /// Pieces of the plan from this on are for nobody in particular.
    private var backgroundStart = 0
    /// Whether these may be begun or gone on with.
    package var allowsBackground = true {
        didSet { if allowsBackground != oldValue { cursor = min(cursor, backgroundStart) } }
    }
    /// Nothing can be handed out before this position of the plan.
    private var cursor = 0
    private var unfinished: [PieceIndex: UnfinishedPiece] = [:]
    /// Of the unfinished pieces, whole.
    private var unfinishedByteCount: UInt64 = 0
    /// Of the unfinished pieces, what is wanted of them and what is here.
    package private(set) var expectedByteCount: UInt64 = 0
    private var suspended: Set<PieceIndex> = []
    private var displaced: [PieceIndex] = []
    /// Blocks that are here of pieces that are not fetched just now.
    private var kept: [PieceIndex: [Int]] = [:]
    /// Blocks to fetch before others of their piece, those that are needed first at the front.
    private var preferred: [PieceIndex: [Range<Int>]] = [:]

    private static let maximumPreferred = 8

    /// - Parameter maximumByteCount: of all unfinished pieces together; one piece is always allowed.
    package init(geometry: PieceGeometry, maximumByteCount: UInt64) {
        self.geometry = geometry
        self.maximumByteCount = maximumByteCount
    }

    /// - Parameters:
    ///   - order: what is wanted and missing, in order of need, no piece twice.
    ///   - urgentCount: so many from the front are waited for.
    ///   - backgroundCount: so many at the end are handed out only while `allowsBackground`.
    ///   - parts: of pieces that are not wanted whole, the blocks that are.
    package mutating func replan(
        _ order: [PieceIndex],
        urgentCount: Int,
        backgroundCount: Int = 0,
        parts: [PieceIndex: [Range<Int>]] = [:]
    ) {
        if !preferred.isEmpty {
            let wanted = Set(order)
            preferred = preferred.filter { wanted.contains($0.key) }
        }
        plan = order
        self.parts = parts
        backgroundStart = order.count - backgroundCount
        self.urgentCount = urgentCount
        cursor = 0
        for index in unfinished.values.indices {
            unfinished.values[index].rank = Self.unplanned
            unfinished.values[index].confine(to: parts[unfinished.values[index].piece])
        }
        for (rank, piece) in order.enumerated() where unfinished[piece] != nil {
            unfinished[piece]?.rank = rank
        }
        for piece in Array(unfinished.keys) { expect(piece) }
    }

    private mutating func expect(_ piece: PieceIndex) {
        expectedByteCount -= unfinished[piece]?.expectedByteCount ?? 0
        unfinished[piece]?.countExpected(upTo: geometry.length(of: piece))
        expectedByteCount += unfinished[piece]?.expectedByteCount ?? 0
    }

    /// Whether all blocks of the piece that are wanted are requested or received.
    package func isUnderWay(_ piece: PieceIndex) -> Bool { unfinished[piece]?.openCount == 0 }

    package func isPlanned(_ piece: PieceIndex) -> Bool {
        (unfinished[piece]?.rank ?? Self.unplanned) != Self.unplanned
    }

    /// Whether all blocks of the piece are received, and it is not finished yet.
    package func isWhole(_ piece: PieceIndex) -> Bool { unfinished[piece]?.isComplete ?? false }

    package func isUnfinished(_ piece: PieceIndex) -> Bool { unfinished[piece] != nil }

    /// The pieces that are being fetched though nobody wants them any more.
    package var unplannedPieces: [PieceIndex] {
        unfinished.values.filter {
            $0.rank == Self.unplanned && !$0.isComplete
        }.map(\.piece).sorted()
    }

    /// Picks a block and counts it as requested from the peer.
    ///
    /// - Parameters:
    ///   - peerHas: the peer's pieces.
    ///   - have: ours; a planned piece that came in is passed over.
    ///   - suggested: pieces that the peer would like to give; of those that are wanted soon but not
    ///     waited for they come first.
    ///   - admits: whether the peer is to be asked for a piece that a reader wants.
    ///   - isVerifiable: false if no hash is known by which the piece could be verified.
    package mutating func nextBlock(
        for peer: PeerKey,
        peerHas: Bitfield,
        have: Bitfield,
        suggested: [PieceIndex] = [],
        admits: (Offer) -> Admission = { _ in .take },
        isVerifiable: (PieceIndex) -> Bool = { _ in true }
    ) -> Block? {
        var position = cursor
        let end = allowsBackground ? plan.count : backgroundStart
        var triesSuggested = !suggested.isEmpty
        while position < end {
            if triesSuggested, position >= urgentCount {
                triesSuggested = false
                let suggested = suggested.filter { peerHas[$0] && !have[$0] && isVerifiable($0) }
                if let block = suggestedBlock(of: suggested, for: peer) { return block }
            }
            defer { position += 1 }
            let piece = plan[position]
            let openCount = openCount(of: piece, have: have)
            if openCount == 0 {
                if position == cursor { cursor += 1 }
                continue
            }
            guard peerHas[piece], !suspended.contains(piece), isOpen(piece, to: peer),
                isVerifiable(piece)
            else { continue }
            if position < backgroundStart {
                let offer = Offer(
                    piece: piece,
                    position: position,
                    openCount: openCount,
                    isOpen: openness(of: piece)
                )
                switch admits(offer) {
                case .take: break
                case .pass: continue
                // The background waits for readers.
                case .stop: return nil
                }
            }
            guard unfinished[piece] != nil || start(piece, rank: position) else { continue }
            if let block = take(from: piece, for: peer) { return block }
        }
        return nil
    }

    private func openCount(of piece: PieceIndex, have: Bitfield) -> Int {
        guard !have[piece] else { return 0 }
        return unfinished[piece]?.openCount ?? wantedBlockCount(of: piece)
    }

    /// Of a piece that is not begun.
    private func wantedBlockCount(of piece: PieceIndex) -> Int {
        guard let part = parts[piece] else { return geometry.blockCount(of: piece) }
        return part.reduce(0) { $0 + $1.count }
    }

    private func openness(of piece: PieceIndex) -> ((PeerKey) -> Bool)? {
        guard let entry = unfinished[piece], entry.isRetried else { return nil }
        return { entry.isOpen(to: $0) }
    }

    private func isOpen(_ piece: PieceIndex, to peer: PeerKey) -> Bool {
        unfinished[piece]?.isOpen(to: peer) ?? true
    }

    private mutating func take(from piece: PieceIndex, for peer: PeerKey) -> Block? {
        unfinished[piece]?.take(for: peer, preferring: preferred[piece] ?? [])
            .map { geometry.block($0, of: piece) }
    }

    private mutating func suggestedBlock(
        of suggested: [PieceIndex],
        for peer: PeerKey
    ) -> Block? {
        let soon = urgentCount..<min(plan.count, urgentCount + Self.suggestionReach)
        for position in soon where suggested.contains(plan[position]) {
            let piece = plan[position]
            guard !suspended.contains(piece),
                unfinished[piece] != nil || start(piece, rank: position),
                let block = take(from: piece, for: peer)
            else { continue }
            return block
        }
        return nil
    }

    /// Blocks of the plan that could be requested now, counted from the front up to `limit`.
    package func openBlockCount(atMost limit: Int, have: Bitfield) -> (urgent: Int, total: Int) {
        var (urgent, total) = (0, 0)
        var position = cursor
        while position < plan.count, total < limit {
            let piece = plan[position]
            if !have[piece], !suspended.contains(piece) {
                total += unfinished[piece]?.openCount ?? wantedBlockCount(of: piece)
                if position < urgentCount { urgent = min(total, limit) }
            }
            position += 1
        }
        return (urgent, min(total, limit))
    }

    /// The place of the first urgent piece with a block that nobody was asked for, and anybody could
    /// be.
    package func firstOpenUrgentPosition(have: Bitfield) -> Int? {
        guard cursor < min(urgentCount, plan.count) else { return nil }
        return (cursor..<min(urgentCount, plan.count)).first { position in
            let piece = plan[position]
            return openCount(of: piece, have: have) > 0 && !suspended.contains(piece)
                && unfinished[piece]?.isRetried != true
        }
    }

    /// The block is requested once more, from another peer.
    package mutating func duplicated(_ block: Block) {
        unfinished[block.piece]?.duplicated(block.number)
    }

    /// How many requests for the block are in flight.
    package func requestCount(of block: Block) -> Int {
        unfinished[block.piece]?.requestCount(of: block.number) ?? 0
    }

    /// A request for the block is void: cancelled, choked away or given up.
    package mutating func gaveBack(_ block: Block) {
        if unfinished[block.piece]?.gaveBack(block.number) == true { reopened(block.piece) }
    }

    private mutating func reopened(_ piece: PieceIndex) {
        guard let rank = unfinished[piece]?.rank, rank != Self.unplanned else { return }
        cursor = min(cursor, rank)
    }

    /// Whether a block of the piece may come from this peer, were it not asked for any more.
    package func accepts(_ block: Block, from peer: PeerKey) -> Bool {
        guard let entry = unfinished[block.piece] else { return false }
        return (entry.parole == nil || entry.parole == .only(peer))
            && entry.allows(block.number, from: peer)
    }

    /// Whether the piece is fetched again after a failure, from this peer alone.
    package func isOnParole(_ piece: PieceIndex, with peer: PeerKey) -> Bool {
        unfinished[piece]?.parole == .only(peer)
    }

    /// Blocks that this peer alone will be asked for.
    package func openBlockCount(onParoleWith peer: PeerKey) -> Int {
        unfinished.values.reduce(0) { $0 + ($1.parole == .only(peer) ? $1.openCount : 0) }
    }

    package mutating func received(_ block: Block) -> Arrival {
        unfinished[block.piece]?.arrived(block.number) ?? .notNeeded
    }

    /// All blocks of the piece are to be fetched again.
    ///
    /// - Parameter onlyFrom: the peer to fetch it from alone, or `nil` for whoever asks first.
    package mutating func failed(_ piece: PieceIndex, onlyFrom peer: PeerKey?) {
        restart(piece)
        unfinished[piece]?.parole = peer.map(UnfinishedPiece.Parole.only) ?? .anyone
    }

    /// As above, but from many.
    ///
    /// - Parameters:
    ///   - peers: by block, those not to fetch it from if anybody else is left.
    ///   - sources: who has the piece and would deliver.
    ///   - blocks: numbers of blocks that need not be fetched again.
    ///   - requestCounts: by the number of a block, requests for it that are in flight still.
    package mutating func failed(
        _ piece: PieceIndex,
        avoiding peers: [Set<PeerKey>],
        sources: Set<PeerKey>,
        keeping blocks: [Int] = [],
        underWay requestCounts: [Int: Int] = [:]
    ) {
        restart(piece)
        for number in blocks { _ = unfinished[piece]?.arrived(number) }
        for (number, count) in requestCounts {
            unfinished[piece]?.reserve(number, requestCount: count)
        }
        unfinished[piece]?.avoidance = Avoidance(peers, sources: sources)
    }

    /// As `failed`, but nobody is suspected.
    package mutating func restart(_ piece: PieceIndex) {
        guard let entry = unfinished[piece] else { return }
        unfinished[piece] = entry.restarted()
        reopened(piece)
    }

    /// The block came, but was wrong by itself: it is to be fetched again.
    package mutating func refuted(_ block: Block) {
        if unfinished[block.piece]?.refuted(block.number) == true { reopened(block.piece) }
    }

    /// Somebody waits for these blocks of the piece.
    package mutating func prefer(_ blocks: Range<Int>, of piece: PieceIndex) {
        guard preferred[piece]?.contains(blocks) != true else { return }
        preferred[piece, default: []].append(blocks)
        if preferred[piece]?.count ?? 0 > Self.maximumPreferred {
            preferred[piece]?.removeFirst()
        }
    }

    /// The piece is finished or not to be fetched any more.
    ///
    /// - Parameter blocks: numbers of blocks that need not be fetched if it is begun again.
    package mutating func drop(_ piece: PieceIndex, keeping blocks: [Int] = []) {
        kept[piece] = blocks.isEmpty ? nil : blocks
        preferred[piece] = nil
        guard let entry = unfinished.removeValue(forKey: piece) else { return }
        unfinishedByteCount -= UInt64(geometry.length(of: piece))
        expectedByteCount -= entry.expectedByteCount
    }

    /// The piece is not to be picked until `resumeAll`.
    package mutating func suspend(_ piece: PieceIndex) { suspended.insert(piece) }

    package mutating func resumeAll() {
        suspended.removeAll()
        cursor = 0
    }

    /// The peer will not deliver: the pieces that only it was to fetch go to whoever asks first.
    package mutating func releaseParole(of peer: PeerKey) {
        for index in unfinished.values.indices where unfinished.values[index].isRetried {
            unfinished.values[index].avoidance?.lost(peer)
            if unfinished.values[index].parole == .only(peer) {
                unfinished.values[index].parole = .anyone
            }
        }
    }

    /// Pieces that were given up for urgent ones since the last call; their requests are to be
    /// cancelled and their blocks forgotten.
    package mutating func takeDisplaced() -> [PieceIndex] {
        guard !displaced.isEmpty else { return [] }
        defer { displaced.removeAll() }
        return displaced
    }

    private mutating func start(_ piece: PieceIndex, rank: Int) -> Bool {
        let length = UInt64(geometry.length(of: piece))
        while !unfinished.isEmpty, unfinishedByteCount + length > maximumByteCount {
            guard let victim = victim(of: rank) else { return false }
            drop(victim)
            displaced.append(victim)
        }
        let count = geometry.blockCount(of: piece)
        unfinished[piece] = UnfinishedPiece(piece, blockCount: count, rank: rank)
        unfinished[piece]?.confine(to: parts[piece])
        unfinishedByteCount += length
        for number in kept.removeValue(forKey: piece) ?? [] {
            _ = unfinished[piece]?.arrived(number)
        }
        expect(piece)
        return true
    }

    /// The unfinished piece that is needed last, unless it is urgent or already complete; it makes
    /// room for an urgent one, or for any if nobody wants it.
    private func victim(of rank: Int) -> PieceIndex? {
        let least = rank < urgentCount ? urgentCount : Self.unplanned
        return unfinished.values
            .filter { $0.rank >= least && !$0.isComplete }
            .max { ($0.rank, $0.piece) < ($1.rank, $1.piece) }?.piece
    }
}
