package import BitTorrentProtocol

/// Which blocks of the unfinished pieces are in and who sent them; who is to blame when a piece
/// turns out wrong.
///
/// A wrong piece that one peer sent alone convicts that peer. A wrong piece of several peers
/// convicts nobody yet: what each sent is remembered as digests, and when the piece is right at
/// last, everyone whose block differs is convicted. So is a peer that sends two different blocks
/// for the same place.
package struct PieceAssembler {
    package enum Progress: Equatable, Sendable {
        case duplicate
        case kept
        /// The block was the last one missing.
        case complete
    }

    private struct Unfinished {
        var senders: [PeerKey?]
        var missingCount: Int
        /// Blocks that are verified by themselves and written (BEP 52).
        var isProved: [Bool]
        var provedCount = 0
        var isVerifying = false

        init(blockCount: Int) {
            senders = [PeerKey?](repeating: nil, count: blockCount)
            missingCount = blockCount
            isProved = [Bool](repeating: false, count: blockCount)
        }
    }

    private let geometry: PieceGeometry
    private var unfinished: [PieceIndex: Unfinished] = [:]
    private var failures: [PieceIndex: FailedAttempts] = [:]
    /// The pieces of `failures`, oldest first.
    private var failureOrder: [PieceIndex] = []
    /// Blocks that each has sent of pieces that were right.
    private var rightCounts: [PeerKey: Int] = [:]

    private static let maximumFailures = 64
    /// Peers of whom it is remembered that they sent right blocks.
    private static let maximumKnown = 1024
    /// Who has sent so many right blocks is trusted, if so many are.
    private static let trust = (blockCount: 4, peerCount: 3)

    package init(geometry: PieceGeometry) { self.geometry = geometry }

    package mutating func received(_ block: Block, from sender: PeerKey) -> Progress {
        Self.note(
            block.number,
            from: sender,
            in: &unfinished[
                block.piece,
                default: Unfinished(blockCount: geometry.blockCount(of: block.piece))
            ]
        )
    }

    /// Forgets the blocks of a piece that will not be finished now, but those that are proved.
    package mutating func discard(_ piece: PieceIndex) {
        guard let entry = unfinished[piece] else { return }
        unfinished[piece] = nil
        guard entry.provedCount > 0 else { return }
        var rest = Unfinished(blockCount: entry.senders.count)
        rest.isProved = entry.isProved
        rest.provedCount = entry.provedCount
        rest.missingCount -= entry.provedCount
        unfinished[piece] = rest
    }

    /// Forgets all blocks of a piece, proved or not.
    package mutating func forget(_ piece: PieceIndex) { unfinished[piece] = nil }

    // MARK: Blocks verified by themselves (BEP 52)

    /// All blocks are in, and the piece is hashed as a whole.
    package mutating func beginVerifying(_ piece: PieceIndex) {
        unfinished[piece]?.isVerifying = true
    }

    /// Blocks that are in and can be proved, now that the leaves of their piece are known.
    package func provableBlocks(of piece: PieceIndex) -> [Int] {
        guard let entry = unfinished[piece], !entry.isVerifying else { return [] }
        return entry.senders.indices.filter { entry.senders[$0] != nil && !entry.isProved[$0] }
    }

    package func provedBlocks(of piece: PieceIndex) -> [Int] {
        guard let entry = unfinished[piece], entry.provedCount > 0 else { return [] }
        return entry.isProved.indices.filter { entry.isProved[$0] }
    }

    package func isProved(_ blocks: Range<Int>, of piece: PieceIndex) -> Bool {
        guard let entry = unfinished[piece], entry.provedCount > 0 else { return false }
        return entry.isProved[blocks].allSatisfy { $0 }
    }

    /// The block is what its leaf says, and written.
    ///
    /// - Returns: whether that holds of every block of the piece.
    package mutating func proved(_ block: Block) -> Bool {
        let count = geometry.blockCount(of: block.piece)
        return Self.prove(
            block.number,
            in: &unfinished[block.piece, default: Unfinished(blockCount: count)]
        )
    }

    /// The block is not what its leaf says: it is missing again.
    ///
    /// - Returns: who sent it, if that is known still.
    package mutating func refuted(_ block: Block) -> PeerKey? {
        guard let sender = unfinished[block.piece]?.senders[block.number] else { return nil }
        unfinished[block.piece]?.senders[block.number] = nil
        unfinished[block.piece]?.missingCount += 1
        return sender
    }

    private static func prove(_ number: Int, in entry: inout Unfinished) -> Bool {
        if !entry.isProved[number] {
            entry.isProved[number] = true
            entry.provedCount += 1
            // It was given up while it was hashed.
            if entry.senders[number] == nil { entry.missingCount -= 1 }
        }
        return entry.provedCount == entry.senders.count
    }

    package func hasFailed(_ piece: PieceIndex) -> Bool { failures[piece] != nil }

    /// Who may have sent wrong blocks of a piece that failed; one who did is a bad choice for the
    /// retry.
    package func suspects(of piece: PieceIndex) -> [PeerKey] {
        (failures[piece]?.suspects ?? []).sorted()
    }

    /// By block, those from whom not to fetch a piece that failed; `nil` if it is to be fetched from
    /// one peer alone.
    ///
    /// - Parameter sources: who has the piece and would deliver.
    package func avoided(of piece: PieceIndex, sources: Set<PeerKey> = []) -> [Set<PeerKey>]? {
        guard let failure = failures[piece] else { return nil }
        let suspicion = Suspicion(failures.values)
        let suspects = suspicion.liars.union(suspicion.doubtful)
        let trusted = sources.filter {
            rightCounts[$0, default: 0] >= Self.trust.blockCount && !suspects.contains($0)
        }
        let isEnough = trusted.count >= max(Self.trust.peerCount, sources.count / 4)
        return failure.avoided(isEnough ? suspects.union(sources.subtracting(trusted)) : suspects)
    }

    /// Takes up blocks of a piece that failed which are right, as two peers have sent the same.
    ///
    /// - Returns: their numbers; what they are in the last attempt is to be kept.
    package mutating func keepAgreed(of piece: PieceIndex) -> [Int] {
        guard let failure = failures[piece], let last = failure.attempts.last else { return [] }
        let numbers = failure.agreedBlocks
        for number in numbers {
            guard let sender = last.senders[number] else { continue }
            _ = received(geometry.block(number, of: piece), from: sender)
        }
        return numbers
    }

    /// Who probably sent wrong blocks of pieces that failed.
    package var probableLiars: [PeerKey] {
        failures.isEmpty ? [] : Suspicion(failures.values).liars.sorted()
    }

    /// The piece's hash is right.
    ///
    /// - Returns: the peers whose block of an earlier attempt differs, in order of their keys.
    package mutating func passed(_ piece: PieceIndex, blockDigests: [UInt64]) -> [PeerKey] {
        trust(unfinished.removeValue(forKey: piece)?.senders ?? [])
        guard let attempts = failures.removeValue(forKey: piece) else { return [] }
        failureOrder.removeAll { $0 == piece }
        guard blockDigests.count == geometry.blockCount(of: piece) else { return [] }
        return attempts.liars(rightDigests: blockDigests).sorted()
    }

    private mutating func trust(_ senders: [PeerKey?]) {
        if rightCounts.count > Self.maximumKnown { rightCounts.removeAll() }
        for case .some(let sender) in senders { rightCounts[sender, default: 0] += 1 }
    }

    /// The piece's hash is wrong.
    ///
    /// - Returns: the peers convicted by this, in order of their keys; empty if the piece must be
    ///   fetched again to tell.
    package mutating func failed(_ piece: PieceIndex, blockDigests: [UInt64]) -> [PeerKey] {
        guard let senders = unfinished.removeValue(forKey: piece)?.senders else { return [] }
        let sources = Self.unique(senders)
        guard sources.count > 1 else { return sources }
        guard blockDigests.count == senders.count else { return [] }
        let attempts = failures[piece]?.attempts ?? []
        let contradicting = attempts.flatMap { attempt in
            senders.indices.map { number in
                attempt.senders[number] == senders[number]
                    && attempt.digests[number] != blockDigests[number] ? senders[number] : nil
            }
        }
        remember(.init(senders: senders, digests: blockDigests), of: piece)
        return Self.unique(contradicting)
    }

    private mutating func remember(_ attempt: FailedAttempts.Attempt, of piece: PieceIndex) {
        if failures[piece] == nil {
            failureOrder.append(piece)
            if failureOrder.count > Self.maximumFailures {
                failures[failureOrder.removeFirst()] = nil
            }
        }
        failures[piece, default: FailedAttempts()].add(attempt)
    }

    /// Static and on the entry in place, so that no array is copied.
    private static func note(
        _ number: Int,
        from sender: PeerKey,
        in entry: inout Unfinished
    ) -> Progress {
        guard entry.senders[number] == nil, !entry.isProved[number] else { return .duplicate }
        entry.senders[number] = sender
        entry.missingCount -= 1
        return entry.missingCount == 0 ? .complete : .kept
    }

    private static func unique(_ keys: [PeerKey?]) -> [PeerKey] {
        Set(keys.compactMap { $0 }).sorted()
    }
}
