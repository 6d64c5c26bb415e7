import BitTorrentProtocol
import Glibc
import Logging
import NIOCore
import PieceStorage
import Synchronization
import TorrentLogic

/// The room that the pieces of all torrents of a session have: on the disk within a budget, and in
/// memory as long as the disk takes nothing.
///
/// Torrents ask for room before they write, and the torrents whose pieces were read longest ago make
/// it: `owner` is told to give something up.
final class CacheSpace: Sendable {
    private struct MemoryPiece {
        let owner: InfoHash
        let piece: PieceIndex
        let byteCount: UInt64
    }

    private struct State {
        var budget: CacheBudget
        /// As the user wants it; a full disk makes the budget smaller.
        var limit: UInt64?
        var health = DiskHealth()
        /// When the budget was made smaller.
        var shrunkAt: ContinuousClock.Instant?
        /// Of which limits it was said that what is pinned alone is more: `nil` is that of all.
        var overpinned: Set<CacheBudget.Group?> = []
        /// Torrents in groups.
        var grouped: [InfoHash] = []
        /// Nothing is given up before it is known what is pinned.
        var awaitsPins: Bool
        /// In the order in which they came.
        var memory: [MemoryPiece] = []
        var memoryByteCount: UInt64 = 0
        /// When the log said last what fails.
        var complaints: [String: ContinuousClock.Instant] = [:]
        /// When torrents are asked again that had nothing to give.
        var timer: Scheduled<Void>?
        var findOwner: @Sendable (InfoHash) -> (any Owner)? = { _ in nil }
    }

    /// A full disk that has more of the cache than this makes room for the next pieces with it.
    private static let shrinkage: UInt64 = 32 << 20
    /// Until torrents are asked again that had nothing to give.
    private static let pause = TimeAmount.seconds(3)
    /// After so long a budget that was made smaller is the user's again.
    private static let shrinkTime = Duration.seconds(600)

    private static let complaintInterval = Duration.seconds(60)

    /// The number of this run in the store.
    private let currentRun = Atomic<Int64>(0)
    private let state: Mutex<State>
    private let memoryLimit: UInt64
    private let loop: any EventLoop
    private let logger: Logger

    init(_ configuration: SessionConfiguration, loop: any EventLoop, logger: Logger) {
        let limit = configuration.settings.cacheLimit
        memoryLimit = configuration.uncachedByteCount
        self.loop = loop
        var budget = CacheBudget(limit: limit)
        budget.setQuotas(configuration.settings.quotas)
        state = Mutex(
            State(budget: budget, limit: limit, awaitsPins: configuration.awaitsWishes)
        )
        self.logger = logger
    }

    /// Seconds since 1970.
    static var moment: CacheBudget.Moment { CacheBudget.Moment(truncatingIfNeeded: time(nil)) }

    var run: Int64 {
        get { currentRun.load(ordering: .relaxed) }
        set { currentRun.store(newValue, ordering: .relaxed) }
    }

    /// - Parameter find: who owns what an info-hash stands for; called on any thread.
    func setOwners(_ find: @escaping @Sendable (InfoHash) -> (any Owner)?) {
        state.withLock { $0.findOwner = find }
    }

    func setLimits(_ limit: UInt64?, quotas: [CacheBudget.Group: UInt64]) {
        state.withLock { state in
            state.limit = limit
            state.shrunkAt = nil
            state.budget.setLimit(limit)
            state.budget.setQuotas(quotas)
        }
        balance()
    }

    // MARK: What there is

    /// Bytes on the disk.
    var heldByteCount: UInt64 { state.withLock { $0.budget.held } }

    func heldByteCount(of owner: InfoHash) -> UInt64 {
        state.withLock { $0.budget.held(by: owner) }
    }

    /// How much of the cache the torrent may have; `nil` for no limit.
    func limit(of owner: InfoHash) -> UInt64? { state.withLock { $0.budget.limit(of: owner) } }

    /// How much of the cache the read-ahead of a torrent may fill.
    ///
    /// - Parameter readerCount: torrents that have readers.
    func windowBudget(of owner: InfoHash, readerCount: Int, pieceLength: UInt32) -> UInt64 {
        let (limit, isFailing) = state.withLock {
            ($0.budget.limit(of: owner), $0.health.isFailing)
        }
        guard let room = isFailing ? memoryLimit : limit else { return .max }
        let share = room / 2 / UInt64(max(1, readerCount))
        return max(share, 2 * UInt64(pieceLength))
    }

    /// What a torrent holds from now on.
    func setHeld(_ byteCount: UInt64, by owner: InfoHash, oldest: CacheBudget.Moment?) {
        state.withLock { state in
            state.budget.setHeld(byteCount, by: owner)
            if let oldest { state.budget.queue(owner, at: oldest) }
        }
    }

    func forget(_ owner: InfoHash) { state.withLock { $0.budget.forget(owner) } }

    func setPinned(_ isPinned: Bool, _ owner: InfoHash, oldest: CacheBudget.Moment?) {
        state.withLock { state in
            state.budget.setPinned(isPinned, owner)
            if !isPinned, let oldest { state.budget.queue(owner, at: oldest) }
        }
    }

    /// Some pieces of the torrent are pinned, and those that are there have so many bytes.
    func setPinnedPart(_ byteCount: UInt64, of owner: InfoHash) {
        state.withLock { $0.budget.setPinnedPart(byteCount, of: owner) }
    }

    /// Takes the groups whose quotas torrents share; those that are left out are in none.
    func setGroups(_ groups: [InfoHash: CacheBudget.Group]) {
        state.withLock { state in
            for owner in Set(state.grouped).union(groups.keys) {
                state.budget.move(owner, to: groups[owner] ?? .none)
            }
            state.grouped = Array(groups.keys)
        }
    }

    /// It is known what is pinned.
    func pinsAreKnown() {
        state.withLock { $0.awaitsPins = false }
        balance()
    }

    // MARK: Coming

    /// The torrent fetches pieces of so many bytes in all: room is made for them.
    func reserve(_ byteCount: UInt64, for owner: InfoHash) {
        let isOver = state.withLock { state in
            state.budget.reserve(byteCount, for: owner)
            return state.budget.excess > 0
        }
        if isOver { balance() }
    }

    /// Whether so much may be written now; it is counted if so.
    ///
    /// - Parameter isPinned: it is of a pinned part of the torrent.
    func admits(_ byteCount: UInt64, of owner: InfoHash, isPinned: Bool = false) -> Bool {
        let now = ContinuousClock.now
        let (isAdmitted, isOver) = state.withLock { state in
            if let shrunkAt = state.shrunkAt, now >= shrunkAt + Self.shrinkTime {
                state.shrunkAt = nil
                state.budget.setLimit(state.limit)
            }
            let isAdmitted =
                state.budget.admits(byteCount, of: owner, isPinned: isPinned)
                && state.health.mayWrite(now: now)
            if isAdmitted {
                state.budget.add(byteCount, to: owner, isPinned: isPinned)
                state.budget.queue(owner, at: Self.moment)
            }
            return (isAdmitted, state.budget.excess > 0)
        }
        if isOver { balance() }
        return isAdmitted
    }

    /// What was admitted is on the disk.
    func wrote() {
        guard state.withLock({ $0.health.worked() }) else { return }
        logger.notice("the cache can be written again")
    }

    /// What was admitted could not be written.
    func writeFailed(_ error: StorageError, _ byteCount: UInt64, of owner: InfoHash) {
        let now = ContinuousClock.now
        let isFirst = state.withLock { state in
            state.budget.remove(byteCount, from: owner)
            if error.isOutOfSpace {
                let room = max(Self.shrinkage, 2 * byteCount)
                state.budget.setLimit(state.budget.held - min(state.budget.held, room))
                state.shrunkAt = now
            }
            return state.health.failed(now: now)
        }
        if isFirst { sayFault(error) }
        if error.isOutOfSpace { balance() }
    }

    /// What is written is of no use at the moment; it is tried again as after a failure.
    func isFaulty(_ error: StorageError) {
        if state.withLock({ $0.health.failed(now: .now) }) { sayFault(error) }
    }

    /// Nothing was of use on the disk lately.
    var isFailing: Bool { state.withLock { $0.health.isFailing } }

    private func sayFault(_ error: StorageError) {
        logger.error("what is fetched is not cached but only passed on: \(error)")
    }

    /// Says that something of the cache fails, once a minute: a disk that is gone fails for each piece.
    func complain(_ what: String, _ error: any Error) {
        let now = ContinuousClock.now
        let isDue = state.withLock { state in
            if let last = state.complaints[what], now < last + Self.complaintInterval {
                return false
            }
            state.complaints[what] = now
            return true
        }
        if isDue { logger.error("\(what): \(error)") }
    }

    /// Takes a piece into memory that is not written; others that are there for longest go.
    ///
    /// - Throws: if there is far more than there should be.
    func admitToMemory(
        _ piece: PieceIndex,
        of owner: InfoHash,
        _ byteCount: UInt64
    ) throws(StorageError) {
        let dropped = state.withLock { state -> [MemoryPiece]? in
            let limit = max(memoryLimit, 2 * byteCount)
            guard state.memoryByteCount + byteCount <= 2 * limit else { return nil }
            state.memory.append(MemoryPiece(owner: owner, piece: piece, byteCount: byteCount))
            state.memoryByteCount += byteCount
            var dropped: [MemoryPiece] = []
            var rest = state.memoryByteCount
            for piece in state.memory where rest > limit {
                rest -= piece.byteCount
                dropped.append(piece)
            }
            return dropped
        }
        guard let dropped else { throw StorageError(.write, "memory", code: ENOMEM) }
        for (owner, pieces) in Dictionary(grouping: dropped, by: \.owner) {
            let pieces = pieces.map(\.piece)
            guard let owner = state.withLock({ $0.findOwner })(owner) else {
                forgetMemory(of: owner, pieces)
                continue
            }
            owner.dropFromMemory(pieces)
        }
    }

    /// Pieces that are in memory no longer.
    ///
    /// - Parameter pieces: `nil` for all of the torrent.
    func forgetMemory(of owner: InfoHash, _ pieces: [PieceIndex]? = nil) {
        state.withLock { state in
            guard !state.memory.isEmpty else { return }
            state.memory.removeAll { $0.owner == owner && pieces?.contains($0.piece) ?? true }
            state.memoryByteCount = state.memory.reduce(0) { $0 + $1.byteCount }
        }
    }

    // MARK: Going

    /// Tells torrents to give something up until there is room.
    func balance() {
        while true {
            let (candidate, find) = state.withLock { state in
                (state.awaitsPins ? nil : state.budget.next(at: Self.moment), state.findOwner)
            }
            guard let candidate else {
                askAgainLater()
                return warnOfPins()
            }
            guard let owner = find(candidate.owner) else {
                forget(candidate.owner)
                continue
            }
            owner.giveUp(candidate, in: self)
        }
    }

    /// What streams are about to read is given up when they are over.
    private func askAgainLater() {
        state.withLock { state in
            guard state.budget.excess > 0, state.timer == nil else { return }
            state.timer = loop.scheduleTask(in: Self.pause) { [weak self] () -> Void in
                self?.state.withLock { $0.timer = nil }
                self?.balance()
            }
        }
    }

    /// The session is over.
    func end() {
        state.withLock { state in
            state.timer?.cancel()
            state.findOwner = { _ in nil }
        }
    }

    /// One line when what is pinned leaves no room for anything else.
    private func warnOfPins() {
        let new = state.withLock { state in
            let over = state.budget.overpinned
            defer { state.overpinned = Set(over.map(\.group)) }
            return over.filter { !state.overpinned.contains($0.group) }
        }
        for (group, pinned, limit) in new {
            var metadata: Logger.Metadata = ["pinned": "\(pinned)", "cache_size": "\(limit)"]
            if let group { metadata["route"] = "\(group.name)" }
            logger.warning(
                """
                what is pinned is more than the cache may hold: nothing else is cached; pin less or \
                make cache_size larger
                """,
                metadata: metadata
            )
        }
    }

    /// The candidate stands elsewhere in the order than was thought.
    func queue(_ owner: InfoHash, at moment: CacheBudget.Moment) {
        state.withLock { $0.budget.queue(owner, at: moment) }
    }

    /// The candidate gives up so much; `ended` must follow unless it is nothing.
    func began(_ candidate: CacheBudget.Candidate, _ byteCount: UInt64) {
        state.withLock { $0.budget.began(candidate, byteCount) }
    }

    /// - Parameters:
    ///   - promised: what was told to `began`.
    ///   - freed: bytes that the torrent has less on the disk.
    ///   - oldest: as of when its oldest piece counts as read.
    func ended(
        _ owner: InfoHash,
        promised: UInt64,
        freed: UInt64,
        oldest: CacheBudget.Moment?
    ) {
        state.withLock { state in
            state.budget.ended(owner, promised: promised, freed: freed)
            if let oldest { state.budget.queue(owner, at: oldest) }
            if freed > 0 { state.health.mayBeMended(now: .now) }
        }
        balance()
    }
}
