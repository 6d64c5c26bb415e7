import BitTorrentProtocol

/// What became of each block of a piece that is being fetched.
struct UnfinishedPiece {
    enum Parole: Equatable {
        case anyone
        case only(PeerKey)
    }

    let piece: PieceIndex
    /// Per block: requests in flight, or `received`.
    private(set) var states: [UInt8]
    /// Blocks that are wanted, and neither requested nor received.
    private(set) var openCount: Int
    /// The blocks that are wanted; `nil` for all.
    private var part: [Range<Int>]?
    private(set) var receivedCount = 0
    /// Bytes of the cache that it is expected to take.
    private(set) var expectedByteCount: UInt64 = 0
    /// Position in the plan, `unplanned` if nobody wants the piece any more.
    var rank: Int
    /// After a failure, the only peer to fetch it from.
    var parole: Parole?
    /// After a failure of which nobody is convicted yet.
    var avoidance: Avoidance?
    /// No open block has a lower number.
    private var firstOpen = 0

    static let unplanned = Int.max
    private static let received = UInt8.max

    init(_ piece: PieceIndex, blockCount: Int, rank: Int) {
        self.piece = piece
        states = [UInt8](repeating: 0, count: blockCount)
        openCount = blockCount
        self.rank = rank
    }

    var isComplete: Bool { receivedCount == states.count }

    /// - Parameter part: the blocks that are wanted from now on; `nil` for all.
    mutating func confine(to part: [Range<Int>]?) {
        guard part != self.part else { return }
        self.part = part
        openCount = states.indices.count { states[$0] == 0 && isWanted($0) }
        firstOpen = 0
    }

    /// Counts the blocks that are here and those that are wanted.
    mutating func countExpected(upTo length: UInt32) {
        let count =
            rank == Self.unplanned
            ? receivedCount
            : part == nil
                ? states.count
                : states.indices.count { states[$0] == Self.received || isWanted($0) }
        expectedByteCount = min(UInt64(count) * UInt64(Block.maximumLength), UInt64(length))
    }

    /// The piece is to be fetched anew.
    func restarted() -> UnfinishedPiece {
        var piece = UnfinishedPiece(piece, blockCount: states.count, rank: rank)
        piece.confine(to: part)
        piece.expectedByteCount = expectedByteCount
        return piece
    }

    private func isWanted(_ number: Int) -> Bool {
        part?.contains { $0.contains(number) } ?? true
    }

    /// Requests in flight for a block.
    func requestCount(of number: Int) -> Int {
        states[number] == Self.received ? 0 : Int(states[number])
    }

    /// Whether it was wrong, so that not every peer may be asked for it.
    var isRetried: Bool { parole != nil || avoidance != nil }

    /// False if what is missing is to be fetched from others.
    func isOpen(to peer: PeerKey) -> Bool {
        if case .only(let chosen) = parole, chosen != peer { return false }
        guard avoidance != nil else { return true }
        return states.indices.contains { isFree($0, for: peer) }
    }

    /// Whether a block may come from this peer.
    func allows(_ number: Int, from peer: PeerKey) -> Bool {
        avoidance?.allows(number, from: peer) ?? true
    }

    /// Picks an open block and counts it as requested.
    ///
    /// - Parameter preferred: blocks to pick before others, and what follows the last of them.
    mutating func take(for peer: PeerKey, preferring preferred: [Range<Int>]) -> Int? {
        guard isOpen(to: peer) else { return nil }
        if parole == .anyone { parole = .only(peer) }
        // A reader goes on behind what it waits for.
        let onward = preferred.last.map { [$0.upperBound..<max($0.upperBound, states.count)] } ?? []
        for blocks in preferred + onward {
            guard let found = blocks.first(where: { isFree($0, for: peer) }) else { continue }
            states[found] = 1
            openCount -= 1
            return found
        }
        while firstOpen < states.count, states[firstOpen] != 0 { firstOpen += 1 }
        guard let number = (firstOpen..<states.count).first(where: { isFree($0, for: peer) })
        else { return nil }
        states[number] = 1
        openCount -= 1
        return number
    }

    private func isFree(_ number: Int, for peer: PeerKey) -> Bool {
        states[number] == 0 && isWanted(number) && allows(number, from: peer)
    }

    /// So many requests for the block are in flight already.
    mutating func reserve(_ number: Int, requestCount: Int) {
        guard states[number] == 0, requestCount > 0 else { return }
        states[number] = UInt8(clamping: min(requestCount, Int(Self.received) - 1))
        if isWanted(number) { openCount -= 1 }
    }

    /// The block is requested once more.
    mutating func duplicated(_ number: Int) {
        guard states[number] > 0, states[number] < Self.received - 1 else { return }
        states[number] += 1
    }

    /// A request for the block is void.
    ///
    /// - Returns: whether it is open now.
    mutating func gaveBack(_ number: Int) -> Bool {
        guard states[number] != 0, states[number] != Self.received else { return false }
        states[number] -= 1
        return states[number] == 0 && reopen(number)
    }

    /// A block that is in is missing again.
    ///
    /// - Returns: whether it is open now.
    mutating func refuted(_ number: Int) -> Bool {
        guard states[number] == Self.received else { return false }
        states[number] = 0
        receivedCount -= 1
        return reopen(number)
    }

    mutating func arrived(_ number: Int) -> PiecePicker.Arrival {
        let state = states[number]
        guard state != Self.received else { return .notNeeded }
        if state == 0, isWanted(number) { openCount -= 1 }
        states[number] = Self.received
        receivedCount += 1
        return .needed(requestCount: Int(state))
    }

    /// - Returns: false if it is not wanted.
    private mutating func reopen(_ number: Int) -> Bool {
        firstOpen = min(firstOpen, number)
        guard isWanted(number) else { return false }
        openCount += 1
        return true
    }
}
