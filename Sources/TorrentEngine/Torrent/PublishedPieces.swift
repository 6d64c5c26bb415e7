import BitTorrentProtocol
import NIOCore
import Synchronization
import TorrentLogic

/// The cached pieces and blocks of a torrent as any thread sees them, and the order in which they were
/// read.
///
/// Bytes are gone from the disk only after they are gone from here, and not while somebody holds them.
final class PublishedPieces: Sendable {
    typealias Moment = PieceRecency.Moment

    enum Condition {
        case active
        case removed
    }

    /// What a reader was told of the bytes that it reads.
    struct Claim {
        fileprivate let removalCount: UInt64
        /// Some of them are in memory alone.
        let isInMemory: Bool
    }

    private struct State {
        /// May be read.
        var verified: Bitfield
        /// Recorded, but to be hashed before they are read; `nil` for none.
        var unchecked: Bitfield?
        /// Of pieces that are not verified: which blocks are (BEP 52).
        var blocks: [PieceIndex: [Bool]] = [:]
        /// Blocks that could not be written, by their pieces; an empty buffer stands for one that
        /// was.
        var memory: [PieceIndex: [ByteBuffer]] = [:]
        /// Of what is on the disk.
        var recency: PieceRecency
        /// How many hold a piece.
        var holds: [PieceIndex: Int] = [:]
        /// How often pieces were removed.
        var removalCount: UInt64 = 0
        var condition = Condition.active
        /// Nothing may be read any more.
        var isClosed = false
        /// Waits for the last hold to end.
        var closing: CheckedContinuation<Void, Never>?
    }

    private let geometry: PieceGeometry
    private let state: Mutex<State>

    /// - Parameters:
    ///   - verified: may be read.
    ///   - unchecked: recorded, but to be hashed first.
    ///   - moment: since when the pieces were not read; `nil` if none is ever evicted.
    init(
        geometry: PieceGeometry,
        verified: Bitfield,
        unchecked: Bitfield? = nil,
        moment: Moment? = nil
    ) {
        self.geometry = geometry
        var state = State(
            verified: verified,
            unchecked: unchecked,
            recency: PieceRecency(pieceCount: geometry.pieceCount)
        )
        if let moment {
            // What is evicted first comes first: a film that is opened again begins at its front.
            for piece in (unchecked.map(verified.union) ?? verified).pieces.reversed() {
                state.recency.insert(piece, at: moment)
            }
        }
        self.state = Mutex(state)
    }

    var condition: Condition { state.withLock { $0.condition } }
    var isComplete: Bool { cached.isComplete }

    /// The pieces that are there, checked or not.
    var cached: Bitfield {
        state.withLock { state in state.unchecked.map(state.verified.union) ?? state.verified }
    }

    /// Bytes of the pieces that are there.
    var cachedByteCount: UInt64 { geometry.byteCount(of: cached) }

    func setRemoved() { state.withLock { $0.condition = .removed } }

    // MARK: Coming

    /// All of the piece is verified and written, or in memory.
    func insert(_ piece: PieceIndex, at now: Moment) {
        state.withLock { state in
            state.verified[piece] = true
            state.unchecked?[piece] = false
            state.blocks[piece] = nil
            if state.memory[piece]?.allSatisfy({ $0.readableBytes > 0 }) != true {
                state.recency.insert(piece, at: now)
            }
        }
    }

    /// Blocks that are verified by themselves and written, or in memory.
    func insert(_ blocks: [Block], at now: Moment) {
        state.withLock { state in
            for block in blocks where !state.verified[block.piece] {
                let count = geometry.blockCount(of: block.piece)
                state.blocks[block.piece, default: Array(repeating: false, count: count)][
                    block.number
                ] = true
                if state.memory[block.piece] == nil { state.recency.insert(block.piece, at: now) }
            }
        }
    }

    /// Holds blocks in memory that could not be written; to be followed by `insert`.
    func keepInMemory(_ payload: ByteBuffer, of block: Block) {
        let count = geometry.blockCount(of: block.piece)
        state.withLock { state in
            state.memory[block.piece, default: Array(repeating: ByteBuffer(), count: count)][
                block.number
            ] = payload
        }
    }

    /// Whether blocks of the piece are in memory alone.
    func isInMemory(_ piece: PieceIndex) -> Bool { state.withLock { $0.memory[piece] != nil } }

    // MARK: Checking

    func isUnchecked(_ piece: PieceIndex) -> Bool {
        state.withLock { $0.unchecked?[piece] ?? false }
    }

    var hasUnchecked: Bool { state.withLock { !($0.unchecked?.isEmpty ?? true) } }

    /// Nobody reads the piece any more before it is hashed.
    ///
    /// - Returns: false if it is not on the disk.
    func distrust(_ piece: PieceIndex) -> Bool {
        state.withLock { state in
            if state.unchecked?[piece] == true { return true }
            guard state.verified[piece], state.memory[piece] == nil else { return false }
            state.verified[piece] = false
            var unchecked = state.unchecked ?? Bitfield(count: geometry.pieceCount)
            unchecked[piece] = true
            state.unchecked = unchecked
            // Who reads it just now must not trust what it gets.
            state.removalCount += 1
            return true
        }
    }

    /// The bytes of the piece are what they should be.
    func checked(_ piece: PieceIndex) {
        state.withLock { state in
            guard state.unchecked?[piece] == true else { return }
            state.unchecked?[piece] = false
            state.verified[piece] = true
        }
    }

    // MARK: Reading

    /// Length of the longest verified prefix of `range`.
    func verifiedPrefix(of range: Range<UInt64>) -> UInt64 {
        guard !range.isEmpty, range.upperBound <= geometry.totalLength else { return 0 }
        return state.withLock { prefix(of: range, in: $0) }
    }

    private func prefix(of range: Range<UInt64>, in state: borrowing State) -> UInt64 {
        if state.isClosed { return 0 }
        for piece in geometry.pieces(covering: range).lazy.map({ PieceIndex($0) })
        where !state.verified[piece] {
            let blocks = geometry.blocks(of: piece, covering: range)
            var end = geometry.offset(of: piece)
            if let verified = state.blocks[piece] {
                guard let missing = blocks.first(where: { !verified[$0] }) else { continue }
                end += UInt64(missing) * UInt64(Block.maximumLength)
            }
            return end > range.lowerBound ? end - range.lowerBound : 0
        }
        return UInt64(range.count)
    }

    /// Notes that somebody reads the range now.
    ///
    /// - Parameter holds: its pieces are not removed before `release`.
    /// - Returns: `nil` if not all of it may be read.
    func claim(_ range: Range<UInt64>, at now: Moment, holds: Bool = false) -> Claim? {
        guard range.upperBound <= geometry.totalLength else { return nil }
        return state.withLock { state in
            guard prefix(of: range, in: state) == UInt64(range.count) else { return nil }
            var isInMemory = false
            for piece in geometry.pieces(covering: range).lazy.map({ PieceIndex($0) }) {
                state.recency.touch(piece, at: now)
                if !state.memory.isEmpty, state.memory[piece] != nil { isInMemory = true }
                if holds { state.holds[piece, default: 0] += 1 }
            }
            return Claim(removalCount: state.removalCount, isInMemory: isInMemory)
        }
    }

    /// Whether what was read since the claim was not removed meanwhile.
    func isValid(_ claim: Claim) -> Bool {
        state.withLock { $0.removalCount == claim.removalCount }
    }

    /// Holds a piece, whether or not it may be read; to be followed by `release`.
    func hold(_ piece: PieceIndex) { state.withLock { $0.holds[piece, default: 0] += 1 } }

    /// Ends what `claim` or `hold` began.
    func release(_ range: Range<UInt64>) {
        let closing = state.withLock { state -> CheckedContinuation<Void, Never>? in
            for piece in geometry.pieces(covering: range).lazy.map({ PieceIndex($0) }) {
                let count = state.holds[piece, default: 1] - 1
                state.holds[piece] = count == 0 ? nil : count
            }
            guard state.closing != nil, state.holds.isEmpty else { return nil }
            defer { state.closing = nil }
            return state.closing
        }
        closing?.resume()
    }

    /// Whether somebody holds a piece.
    var isHeld: Bool { state.withLock { !$0.holds.isEmpty } }

    /// Nobody begins to read from now on, and when it returns nobody reads any more: what is on the disk
    /// may then be changed by whoever does not know of this object.
    ///
    /// To be called once.
    func close() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state -> Bool in
                state.isClosed = true
                // Who reads without holding must not trust what it gets.
                state.removalCount += 1
                if state.holds.isEmpty { return true }
                state.closing = continuation
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    /// The parts of `range` that are in memory, in order.
    func memoryParts(of range: Range<UInt64>) -> [(offset: UInt64, bytes: ByteBuffer)] {
        state.withLock { state in
            guard !state.memory.isEmpty else { return [] }
            var parts: [(UInt64, ByteBuffer)] = []
            for piece in geometry.pieces(covering: range).map({ PieceIndex($0) }) {
                guard let blocks = state.memory[piece] else { continue }
                for number in geometry.blocks(of: piece, covering: range)
                where blocks[number].readableBytes > 0 {
                    let start =
                        geometry.offset(of: piece) + UInt64(number) * UInt64(Block.maximumLength)
                    let inside = range.clamped(
                        to: start..<start + UInt64(blocks[number].readableBytes)
                    )
                    let slice = blocks[number].getSlice(
                        at: blocks[number].readerIndex + Int(inside.lowerBound - start),
                        length: inside.count
                    )
                    if let slice { parts.append((inside.lowerBound, slice)) }
                }
            }
            return parts
        }
    }

    // MARK: Going

    /// As of when the oldest piece on the disk counts as read; `nil` if there is none.
    var oldestMoment: Moment? { state.withLock { $0.recency.oldest?.moment } }

    /// Takes away the pieces that were read longest ago, which nobody can read from now on.
    ///
    /// - Parameters:
    ///   - byteCount: how much is to be freed, in bytes of the disk.
    ///   - moment: no piece that was read later is taken, but one at least.
    ///   - partial: what pieces that are not whole take on the disk.
    ///   - isKept: a piece that must stay; it is put at the end of the order.
    func takeOldest(
        _ byteCount: UInt64,
        until moment: Moment,
        at now: Moment,
        partial: [PieceIndex: UInt64] = [:],
        isKept: (PieceIndex) -> Bool
    ) -> [PieceIndex] {
        state.withLock { state in
            var taken: [PieceIndex] = []
            var freed: UInt64 = 0
            var rest = state.recency.count
            while freed < byteCount, rest > 0, let oldest = state.recency.oldest {
                rest -= 1
                if !taken.isEmpty, oldest.moment > moment { break }
                if state.holds[oldest.piece] != nil || isKept(oldest.piece) {
                    state.recency.postpone(oldest.piece, at: now)
                    continue
                }
                Self.remove(oldest.piece, from: &state)
                taken.append(oldest.piece)
                freed += partial[oldest.piece] ?? geometry.diskByteCount(of: oldest.piece)
            }
            return taken
        }
    }

    /// Whether the piece is there, or blocks of it.
    func holdsAny(of piece: PieceIndex) -> Bool {
        state.withLock { state in
            state.verified[piece] || state.unchecked?[piece] == true
                || state.blocks[piece] != nil || state.memory[piece] != nil
        }
    }

    /// Takes pieces away that turned out wrong, or that memory has no room for.
    ///
    /// - Returns: those that nobody holds.
    func remove(_ pieces: [PieceIndex]) -> [PieceIndex] {
        state.withLock { state in
            let free = pieces.filter { state.holds[$0] == nil }
            for piece in free { Self.remove(piece, from: &state) }
            return free
        }
    }

    private static func remove(_ piece: PieceIndex, from state: inout State) {
        state.verified[piece] = false
        state.unchecked?[piece] = false
        state.blocks[piece] = nil
        state.memory[piece] = nil
        state.recency.remove(piece)
        state.removalCount += 1
    }
}

extension PieceGeometry {
    /// Bytes of the blocks of a file system that the piece lies in.
    func diskByteCount(of piece: PieceIndex) -> UInt64 { diskByteCount(of: range(of: piece)) }

    /// Bytes of the blocks of a file system that the range lies in.
    func diskByteCount(of range: Range<UInt64>) -> UInt64 {
        let block: UInt64 = 4096
        return (range.upperBound + block - 1) / block * block - range.lowerBound / block * block
    }

    func diskByteCount(of pieces: Bitfield) -> UInt64 {
        pieces.pieces.reduce(0) { $0 + diskByteCount(of: $1) }
    }
}
