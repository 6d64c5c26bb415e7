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
        /// The block was here, and this copy of it is kept as well.
        case copy
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

    /// A piece of which more than one copy of each block is kept.
    private struct Doubt {
        var copies: PieceCopies
        /// Without the copies that come now it is wrong.
        var isWrong = false
        /// Copies came while it was hashed.
        var hasNews = false
    }

    private let geometry: PieceGeometry
    private var unfinished: [PieceIndex: Unfinished] = [:]
    private var doubts: [PieceIndex: Doubt] = [:]
    /// Of the pieces of `doubts`.
    private var doubtedByteCount = 0
    private var failures: [PieceIndex: FailedAttempts] = [:]
    /// The pieces of `failures`, oldest first.
    private var failureOrder: [PieceIndex] = []
    /// Blocks that each has sent of pieces that were right.
    private var rightCounts: [PeerKey: Int] = [:]

    private static let maximumFailures = 64
    /// Bytes of the pieces of which copies are kept, each of them once.
    private static let maximumDoubtedByteCount = 4 << 20
    /// Peers of whom it is remembered that they sent right blocks.
    private static let maximumKnown = 1024
    /// Who has sent so many right blocks is trusted, if so many are.
    private static let trust = (blockCount: 4, peerCount: 3)

    package init(geometry: PieceGeometry) { self.geometry = geometry }

    package mutating func received(_ block: Block, from sender: PeerKey) -> Progress {
        let isCopy = doubts[block.piece]?.copies.add(block.number, from: sender)
        if isCopy == false { return .duplicate }
        let progress = Self.note(
            block.number,
            from: sender,
            in: &unfinished[
                block.piece,
                default: Unfinished(blockCount: geometry.blockCount(of: block.piece))
            ]
        )
        return isCopy == true && progress == .duplicate ? .copy : progress
    }

    /// Forgets the blocks of a piece that will not be finished now, but those that are proved.
    package mutating func discard(_ piece: PieceIndex) {
        endDoubt(of: piece)
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
    package mutating func forget(_ piece: PieceIndex) {
        endDoubt(of: piece)
        unfinished[piece] = nil
    }

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
    /// - Parameter copies: of a piece of which they are kept, with their digests.
    /// - Returns: the peers whose block of an earlier attempt differs, in order of their keys.
    package mutating func passed(
        _ piece: PieceIndex,
        blockDigests: [UInt64],
        copies: PieceCopies? = nil
    ) -> [PeerKey] {
        endDoubt(of: piece)
        let senders = unfinished.removeValue(forKey: piece)?.senders ?? []
        trust(copies?.senders(of: blockDigests) ?? senders.compactMap { $0 })
        let failure = failures.removeValue(forKey: piece)
        if failure != nil { failureOrder.removeAll { $0 == piece } }
        guard let attempts = copies?.attempts ?? failure else { return [] }
        guard blockDigests.count == geometry.blockCount(of: piece) else { return [] }
        return attempts.liars(rightDigests: blockDigests).sorted()
    }

    private mutating func trust(_ senders: [PeerKey]) {
        if rightCounts.count > Self.maximumKnown { rightCounts.removeAll() }
        for sender in senders { rightCounts[sender, default: 0] += 1 }
    }

    /// The piece's hash is wrong.
    ///
    /// - Returns: the peers convicted by this, in order of their keys; empty if the piece must be
    ///   fetched again to tell.
    package mutating func failed(_ piece: PieceIndex, blockDigests: [UInt64]) -> [PeerKey] {
        endDoubt(of: piece)
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

    // MARK: Pieces of which several copies are kept

    /// No piece was right yet, so that nobody is known to send what is.
    package var trustsNobody: Bool { rightCounts.isEmpty }

    package func isDoubted(_ piece: PieceIndex) -> Bool { doubts[piece] != nil }

    /// The copies of a piece of which they are kept.
    package func copies(of piece: PieceIndex) -> PieceCopies? { doubts[piece]?.copies }

    /// Keeps every copy of the piece's blocks, until it is right or is discarded.
    ///
    /// - Returns: false if too many are kept already.
    package mutating func doubt(_ piece: PieceIndex) -> Bool {
        let count = geometry.blockCount(of: piece)
        let entry = unfinished[piece] ?? Unfinished(blockCount: count)
        guard !entry.isVerifying, makeRoomForDoubt(of: piece) else { return false }
        let copies = PieceCopies(senders: entry.senders, liars: Set(probableLiars))
        doubts[piece] = Doubt(copies: copies)
        return true
    }

    /// As `doubt`, of a piece that was wrong once: what came of it is kept.
    package mutating func doubtWhatFailed(_ piece: PieceIndex) -> Bool {
        guard let attempts = failures[piece]?.attempts, attempts.count == 1,
            makeRoomForDoubt(of: piece)
        else { return false }
        var entry = Unfinished(blockCount: attempts[0].senders.count)
        for (number, sender) in attempts[0].senders.enumerated() {
            guard let sender else { continue }
            _ = Self.note(number, from: sender, in: &entry)
        }
        unfinished[piece] = entry
        let copies = PieceCopies(
            senders: attempts[0].senders,
            digests: attempts[0].digests,
            liars: Set(probableLiars)
        )
        doubts[piece] = Doubt(copies: copies, isWrong: true)
        return true
    }

    private mutating func makeRoomForDoubt(of piece: PieceIndex) -> Bool {
        let length = Int(geometry.length(of: piece))
        guard doubts[piece] == nil, doubtedByteCount + length <= Self.maximumDoubtedByteCount
        else { return false }
        doubtedByteCount += length
        return true
    }

    package mutating func endDoubt(of piece: PieceIndex) {
        guard doubts.removeValue(forKey: piece) != nil else { return }
        doubtedByteCount -= Int(geometry.length(of: piece))
    }

    /// A copy came of a piece that may be right with it.
    ///
    /// - Returns: whether it is to be looked at now.
    package mutating func isWorthTrying(_ piece: PieceIndex) -> Bool {
        guard doubts[piece]?.isWrong == true else { return false }
        guard unfinished[piece]?.isVerifying == false else {
            doubts[piece]?.hasNews = true
            return false
        }
        return true
    }

    /// No selection of the copies of the piece is right.
    ///
    /// - Parameter copies: those that were looked at.
    /// - Returns: the only peer that has sent any of it, which is convicted by this.
    package mutating func failed(_ piece: PieceIndex, copies: PieceCopies) -> PeerKey? {
        guard doubts[piece]?.copies.learn(from: copies) == true else { return nil }
        unfinished[piece]?.isVerifying = false
        doubts[piece]?.isWrong = true
        failures[piece] = nil
        failureOrder.removeAll { $0 == piece }
        let sources = Set(copies.senders.joined())
        guard sources.count > 1 else { return sources.first }
        for attempt in copies.attempts.attempts { remember(attempt, of: piece) }
        return nil
    }

    /// Whether copies came since the piece was looked at last.
    package mutating func takeNews(of piece: PieceIndex) -> Bool {
        defer { doubts[piece]?.hasNews = false }
        return doubts[piece]?.hasNews ?? false
    }

    private static func unique(_ keys: [PeerKey?]) -> [PeerKey] {
        Set(keys.compactMap { $0 }).sorted()
    }
}
