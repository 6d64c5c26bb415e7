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
        /// Where it stands in the heap of its group.
        var queuedAt: Moment?
        /// Nothing of it is evicted.
        var isPinned = false
        /// Bytes of pieces that are not evicted of a torrent that is not pinned whole.
        var pinnedPart: UInt64 = 0

        /// Bytes that are not evicted.
        var pinned: UInt64 { isPinned ? held : min(pinnedPart, held) }
    }

    private struct Pool: Sendable {
        var quota: UInt64?
        var held: UInt64 = 0
        var pinned: UInt64 = 0
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
    /// What is pinned of them.
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

    /// How much the torrent may have, with the others of its group.
    package func limit(of owner: InfoHash) -> UInt64? {
        let quota = pools[accounts[owner]?.group ?? .none]?.quota
        return [limit, quota].compactMap(\.self).min()
    }

    /// Whether so much more may be written: what is over the limit by now is being given up.
    ///
    /// What is pinned is kept, whatever it takes.
    ///
    /// - Parameter isPinned: what is to be written is pinned though the torrent is not, as a whole.
    package func admits(_ byteCount: UInt64, of owner: InfoHash, isPinned: Bool = false) -> Bool {
        if isPinned || self.isPinned(owner) { return true }
        let slack = max(Self.slack, 2 * byteCount)
        if let limit, held + byteCount > limit + slack { return false }
        guard let pool = pools[accounts[owner]?.group ?? .none], let quota = pool.quota else {
            return true
        }
        return pool.held + byteCount <= quota + slack
    }

    /// The torrent has so much on the disk from now on.
    package mutating func setHeld(_ byteCount: UInt64, by owner: InfoHash) {
        change(owner) { $0.held = byteCount }
    }

    /// The torrent has written so much more.
    ///
    /// - Parameter isPinned: as in `admits`.
    package mutating func add(_ byteCount: UInt64, to owner: InfoHash, isPinned: Bool = false) {
        change(owner) { account in
            account.held += byteCount
            if isPinned { account.pinnedPart += byteCount }
        }
    }

    package mutating func remove(_ byteCount: UInt64, from owner: InfoHash) {
        change(owner) { $0.held -= min($0.held, byteCount) }
    }

    /// The torrent fetches so much in all: room is made before it comes.
    package mutating func reserve(_ byteCount: UInt64, for owner: InfoHash) {
        guard accounts[owner]?.reserved ?? 0 != byteCount else { return }
        change(owner) { $0.reserved = byteCount }
    }

    /// The torrent is gone with all it had.
    package mutating func forget(_ owner: InfoHash) {
        change(owner) { $0 = Account(group: $0.group) }
        accounts[owner] = nil
    }

    /// Nothing of a pinned torrent is evicted.
    package mutating func setPinned(_ isPinned: Bool, _ owner: InfoHash) {
        guard self.isPinned(owner) != isPinned else { return }
        change(owner) { $0.isPinned = isPinned }
    }

    /// Some pieces of the torrent are not evicted, and have so many bytes.
    package mutating func setPinnedPart(_ byteCount: UInt64, of owner: InfoHash) {
        guard accounts[owner]?.pinnedPart ?? 0 != byteCount else { return }
        change(owner) { $0.pinnedPart = byteCount }
    }

    package func isPinned(_ owner: InfoHash) -> Bool { accounts[owner]?.isPinned ?? false }

    /// The torrent is counted in this group from now on.
    package mutating func move(_ owner: InfoHash, to group: Group) {
        guard accounts[owner]?.group ?? .none != group else { return }
        change(owner) { $0.group = group }
        // Where it stood it is passed over.
        if let moment = accounts[owner]?.queuedAt { pools[group]?.order.insert(owner, at: moment) }
    }

    /// The torrent has something to give up, its oldest piece from no earlier than `moment`.
    package mutating func queue(_ owner: InfoHash, at moment: Moment) {
        var account = accounts[owner] ?? Account()
        guard account.queuedAt == nil else { return }
        account.queuedAt = moment
        accounts[owner] = account
        pools[account.group]?.order.insert(owner, at: moment)
    }

    /// Changes an account, and with it all sums.
    private mutating func change(_ owner: InfoHash, _ body: (inout Account) -> Void) {
        var account = accounts[owner] ?? Account()
        count(account, -1)
        body(&account)
        count(account, 1)
        accounts[owner] = account
        futileCount = 0
    }

    private mutating func count(_ account: Account, _ sign: Int) {
        func add(_ byteCount: UInt64, to sum: inout UInt64) {
            sum = sign > 0 ? sum + byteCount : sum - byteCount
        }
        var pool = pools.removeValue(forKey: account.group) ?? Pool()
        add(account.held, to: &held)
        add(account.held, to: &pool.held)
        add(account.pinned, to: &pinned)
        add(account.pinned, to: &pool.pinned)
        add(account.reserved, to: &reserved)
        add(account.reserved, to: &pool.reserved)
        pools[account.group] = pool
    }

    /// The limits that what is pinned exceeds by itself, with the groups that they are of.
    package var overpinned: [(group: Group?, pinned: UInt64, limit: UInt64)] {
        var over: [(Group?, UInt64, UInt64)] = []
        if let limit, pinned > limit { over.append((nil, pinned, limit)) }
        for (group, pool) in pools {
            if let quota = pool.quota, pool.pinned > quota {
                over.append((group, pool.pinned, quota))
            }
        }
        return over
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
            let found = take(from: group, pool.excess, pool.quota) { $0.pools[group]?.order.first }
            if let found { return found }
        }
        guard let limit, held + reserved > limit + promised else { return nil }
        let excess = held + reserved - limit - promised
        while let group = groupOfOldest {
            // Perhaps nothing is left in it but places where torrents stood.
            let found = take(from: group, excess, limit) {
                $0.pools.values.compactMap(\.order.first).min()
            }
            if let found { return found }
        }
        return nil
    }

    private var groupOfOldest: Group? {
        pools.filter { $0.value.order.first != nil }.min {
            ($0.value.order.first ?? .max) < ($1.value.order.first ?? .max)
        }?.key
    }

    /// - Parameter next: the moment of whose turn it is afterwards.
    private mutating func take(
        from group: Group,
        _ excess: UInt64,
        _ limit: UInt64?,
        next: (Self) -> Moment?
    ) -> Candidate? {
        while let (owner, moment) = pools[group]?.order.removeFirst() {
            guard let account = accounts[owner], account.group == group,
                account.queuedAt == moment
            else { continue }
            accounts[owner]?.queuedAt = nil
            guard account.held > account.pinned else { continue }
            let batch = min(Self.largestBatch, (limit ?? 0) / 32)
            return Candidate(
                owner: owner,
                moment: moment,
                until: next(self) ?? .max,
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
