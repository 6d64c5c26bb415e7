package import BitTorrentProtocol

/// How many bytes the cache may hold, who holds them, and who gives some up next.
///
/// It knows torrents, not pieces: each torrent keeps its own in order (`PieceRecency`), and a cold
/// one counts as a whole, as of its last read. Torrents stand in a heap by the moment of their oldest
/// piece. A read only ever moves that moment up, so what the heap knows is a lower bound which is
/// put right when a torrent comes to the top: reading costs nothing here, and evicting takes time in
/// proportion to the logarithm of the number of torrents.
package struct CacheBudget: Sendable {
    package typealias Moment = PieceRecency.Moment

    /// Torrents that share a quota.
    package struct Group: Hashable, Sendable {
        package let name: String
        package init(_ name: String) { self.name = name }
        /// Those without.
        package static let none = Group("")
    }

    /// A torrent that may have to give something up.
    package struct Candidate: Equatable, Sendable {
        package let owner: InfoHash
        /// Its oldest piece was not read since then; perhaps it was not read for less long.
        package let moment: Moment
        /// From then on it is another torrent's turn.
        package let until: Moment
        /// How much is to be given up.
        package let byteCount: UInt64
    }

    private struct Account: Sendable {
        var held: UInt64 = 0
        var reserved: UInt64 = 0
        var group = Group.none
        /// It stands in the heap of its group.
        var isQueued = false
        /// Nothing of it is evicted.
        var isPinned = false
    }

    private struct Pool: Sendable {
        var quota: UInt64?
        var held: UInt64 = 0
        var reserved: UInt64 = 0
        var promised: UInt64 = 0
        var order = MomentHeap()

        var excess: UInt64 {
            guard let quota else { return 0 }
            let (used, limit) = (held + reserved, quota + promised)
            return used > limit ? used - limit : 0
        }
    }

    /// What is admitted beyond the limit while others give way: one window of read-ahead of 16 MiB,
    /// less what file systems take for themselves.
    package static let slack: UInt64 = 15 << 20
    /// More than what is needed is evicted at a time, because each time costs a transaction.
    private static let largestBatch: UInt64 = 32 << 20

    /// Bytes in all; `nil` for no limit.
    package private(set) var limit: UInt64?
    private var accounts: [InfoHash: Account] = [:]
    private var pools: [Group: Pool] = [.none: Pool()]
    /// Of all torrents together.
    package private(set) var held: UInt64 = 0
    /// Of pinned torrents.
    package private(set) var pinned: UInt64 = 0
    /// For pieces that are being fetched.
    package private(set) var reserved: UInt64 = 0
    /// What torrents are about to give up.
    private var promised: UInt64 = 0
    /// Evictions in a row that brought nothing, since something changed.
    private var futileCount = 0
    /// Until then nobody is asked again in vain.
    private var restsUntil: Moment = 0
    private static let rest: Moment = 2

    package init(limit: UInt64?) { self.limit = limit }

    package mutating func setLimit(_ limit: UInt64?) {
        self.limit = limit
        futileCount = 0
    }

    /// - Parameter quotas: a group without one may fill the cache.
    package mutating func setQuotas(_ quotas: [Group: UInt64]) {
        for group in Set(pools.keys).union(quotas.keys) {
            pools[group, default: Pool()].quota = quotas[group]
        }
        futileCount = 0
    }

    // MARK: Who holds what

    package func held(by owner: InfoHash) -> UInt64 { accounts[owner]?.held ?? 0 }

    /// Whether so much more may be written: what is over the limit by now is being given up.
    ///
    /// What is pinned is kept, whatever it takes.
    package func admits(_ byteCount: UInt64, of owner: InfoHash) -> Bool {
        if isPinned(owner) { return true }
        let slack = max(Self.slack, 2 * byteCount)
        if let limit, held + byteCount > limit + slack { return false }
        guard let pool = pools[accounts[owner]?.group ?? .none], let quota = pool.quota else {
            return true
        }
        return pool.held + byteCount <= quota + slack
    }

    /// The torrent has so much on the disk from now on.
    package mutating func setHeld(_ byteCount: UInt64, by owner: InfoHash) {
        var account = accounts[owner] ?? Account()
        held = held - account.held + byteCount
        if account.isPinned { pinned = pinned - account.held + byteCount }
        pools[account.group]?.held += byteCount
        pools[account.group]?.held -= account.held
        account.held = byteCount
        accounts[owner] = account
        futileCount = 0
    }

    /// The torrent has written so much more.
    package mutating func add(_ byteCount: UInt64, to owner: InfoHash) {
        setHeld(held(by: owner) + byteCount, by: owner)
    }

    package mutating func remove(_ byteCount: UInt64, from owner: InfoHash) {
        let before = held(by: owner)
        setHeld(before - min(before, byteCount), by: owner)
    }

    /// The torrent fetches so much in all: room is made before it comes.
    package mutating func reserve(_ byteCount: UInt64, for owner: InfoHash) {
        var account = accounts[owner] ?? Account()
        guard account.reserved != byteCount else { return }
        reserved = reserved - account.reserved + byteCount
        pools[account.group]?.reserved += byteCount
        pools[account.group]?.reserved -= account.reserved
        account.reserved = byteCount
        accounts[owner] = account
        futileCount = 0
    }

    /// The torrent is gone with all it had.
    package mutating func forget(_ owner: InfoHash) {
        setHeld(0, by: owner)
        reserve(0, for: owner)
        accounts[owner] = nil
    }

    /// Nothing of a pinned torrent is evicted.
    package mutating func setPinned(_ isPinned: Bool, _ owner: InfoHash) {
        var account = accounts[owner] ?? Account()
        guard account.isPinned != isPinned else { return }
        account.isPinned = isPinned
        accounts[owner] = account
        if isPinned { pinned += account.held } else { pinned -= account.held }
        futileCount = 0
    }

    package func isPinned(_ owner: InfoHash) -> Bool { accounts[owner]?.isPinned ?? false }

    /// The torrent is counted in this group from now on.
    package mutating func move(_ owner: InfoHash, to group: Group, oldest: Moment?) {
        var account = accounts[owner] ?? Account()
        guard account.group != group else { return }
        pools[account.group]?.held -= account.held
        pools[account.group]?.reserved -= account.reserved
        pools[group, default: Pool()].held += account.held
        pools[group, default: Pool()].reserved += account.reserved
        account.group = group
        // Where it stood it is passed over.
        account.isQueued = false
        accounts[owner] = account
        if let oldest { queue(owner, at: oldest) }
    }

    /// The torrent has something to give up, its oldest piece from no earlier than `moment`.
    package mutating func queue(_ owner: InfoHash, at moment: Moment) {
        var account = accounts[owner] ?? Account()
        guard !account.isQueued else { return }
        account.isQueued = true
        accounts[owner] = account
        pools[account.group]?.order.insert(owner, at: moment)
    }

    // MARK: Who gives something up

    /// Bytes that are over a limit and that nobody gives up yet.
    package var excess: UInt64 {
        var excess: UInt64 = 0
        if let limit, held + reserved > limit + promised {
            excess = held + reserved - limit - promised
        }
        return pools.values.reduce(excess) { max($0, $1.excess) }
    }

    /// The torrent whose turn it is, taken out of the order; `nil` if there is room, or nobody has
    /// anything to give.
    ///
    /// Its owner finds out how its oldest piece stands by now, and either puts it back with `queue`,
    /// or begins to evict with `began`.
    package mutating func next(at now: Moment) -> Candidate? {
        let queued = pools.values.reduce(0) { $0 + $1.order.count }
        if futileCount > queued {
            guard now >= restsUntil else { return nil }
            futileCount = 0
        }
        guard queued > 0 else { return nil }
        restsUntil = now.addingReportingOverflow(Self.rest).partialValue
        for (group, pool) in pools where pool.excess > 0 {
            if let found = take(from: group, pool.excess, pool.quota) { return found }
        }
        guard let limit, held + reserved > limit + promised else { return nil }
        let excess = held + reserved - limit - promised
        let group = pools.filter { $0.value.order.first != nil }.min {
            ($0.value.order.first ?? .max) < ($1.value.order.first ?? .max)
        }?.key
        return group.flatMap { take(from: $0, excess, limit) }
    }

    private mutating func take(
        from group: Group,
        _ excess: UInt64,
        _ limit: UInt64?
    ) -> Candidate? {
        while let (owner, moment) = pools[group]?.order.removeFirst() {
            guard let account = accounts[owner], account.group == group, account.isQueued else {
                continue
            }
            accounts[owner]?.isQueued = false
            guard !account.isPinned, account.held > 0 else { continue }
            let batch = min(Self.largestBatch, (limit ?? 0) / 32)
            return Candidate(
                owner: owner,
                moment: moment,
                until: pools.values.compactMap(\.order.first).min() ?? .max,
                byteCount: excess + batch
            )
        }
        return nil
    }

    /// The candidate gives up so much; `ended` must follow.
    package mutating func began(_ candidate: Candidate, _ byteCount: UInt64) {
        promised += byteCount
        pools[accounts[candidate.owner]?.group ?? .none]?.promised += byteCount
        if byteCount == 0 { futileCount += 1 }
    }

    /// What `began` is over.
    ///
    /// - Parameters:
    ///   - promised: what it was to give up.
    ///   - freed: what it did give up.
    package mutating func ended(_ owner: InfoHash, promised: UInt64, freed: UInt64) {
        self.promised -= min(promised, self.promised)
        let group = accounts[owner]?.group ?? .none
        if let pool = pools[group] {
            pools[group]?.promised = pool.promised - min(pool.promised, promised)
        }
        let futile = futileCount
        remove(freed, from: owner)
        // What brought nothing is not tried for ever.
        futileCount = freed > 0 ? 0 : futile + 1
    }
}

/// Torrents by a moment, the earliest at the front.
private struct MomentHeap: Sendable {
    private var entries: [(moment: CacheBudget.Moment, owner: InfoHash)] = []

    var count: Int { entries.count }
    var first: CacheBudget.Moment? { entries.first?.moment }

    mutating func insert(_ owner: InfoHash, at moment: CacheBudget.Moment) {
        entries.append((moment, owner))
        var child = entries.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard entries[child].moment < entries[parent].moment else { break }
            entries.swapAt(child, parent)
            child = parent
        }
    }

    mutating func removeFirst() -> (owner: InfoHash, moment: CacheBudget.Moment)? {
        guard let first = entries.first, let last = entries.popLast() else { return nil }
        guard !entries.isEmpty else { return (first.owner, first.moment) }
        entries[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < entries.count && entries[child].moment < entries[least].moment {
                least = child
            }
            guard least != parent else { break }
            entries.swapAt(parent, least)
            parent = least
        }
        return (first.owner, first.moment)
    }
}
