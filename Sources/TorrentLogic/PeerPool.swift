package import BitTorrentProtocol

/// The addresses we know and when to dial which.
package struct PeerPool {
    package typealias Instant = ContinuousClock.Instant

    private enum State: Equatable {
        case idle
        case dialling
        case connected
    }

    private struct Known {
        let address: PeerAddress
        var state = State.idle
        /// Attempts in a row that brought nothing, and the last one if it did.
        var failures = 0
        /// The last attempt brought something.
        var wasUseful = false
        var notBefore: Instant
        var dialledAt: Instant?
    }

    package private(set) var bans = BanList()
    /// In the order in which they were found.
    private var known: [Known] = []
    private var indices: [PeerAddress: Int] = [:]
    /// Our own addresses, met as connections to ourselves.
    private var own: Set<PeerAddress> = []
    package private(set) var diallingCount = 0
    private var limits: SwarmLimits
    /// Known addresses of each public host, under port 1.
    private var hostCounts: [PeerAddress: Int] = [:]
    private var generator: SeededGenerator

    private static let maximumOwn = 64

    package init(limits: SwarmLimits, seed: UInt64) {
        self.limits = limits
        generator = SeededGenerator(seed: seed)
    }

    package var knownCount: Int { known.count }

    /// Whether there is a peer that could be dialled and has not failed.
    package func hasCandidate(now: Instant) -> Bool {
        known.contains { $0.state == .idle && $0.failures == 0 && $0.notBefore <= now }
    }

    package mutating func setMaximumPeers(_ count: Int) { limits.maximumPeers = count }

    /// The addresses that have not failed, and those where the last connection brought something,
    /// whoever ended it.
    package var promising: [PeerAddress] {
        known.filter { $0.failures == 0 || $0.wasUseful }.map(\.address)
    }

    package mutating func found(_ addresses: [PeerAddress], now: Instant) {
        for address in addresses.map(\.unmapped) {
            guard address.isDiallable, indices[address] == nil, !own.contains(address),
                !bans.contains(address), let host = address.withPort(1),
                address.isLocal || hostCounts[host, default: 0] < limits.maximumPeersPerHost
            else { continue }
            if known.count >= limits.maximumKnownAddresses, !makeRoom() { return }
            indices[address] = known.count
            hostCounts[host, default: 0] += 1
            known.append(Known(address: address, notBefore: now))
        }
    }

    /// Whom to dial now, given the connections there are.
    ///
    /// - Parameter priority: among addresses that failed equally often the highest comes first
    ///   (BEP 40); those of one priority in random order.
    package mutating func dials(
        peerCount: Int,
        now: Instant,
        priority: (PeerAddress) -> UInt32 = { _ in 0 }
    ) -> [PeerAddress] {
        let budget = min(
            limits.maximumHalfOpen - diallingCount,
            limits.maximumPeers - peerCount - diallingCount
        )
        guard budget > 0 else { return [] }
        let due = known.indices.filter { known[$0].state == .idle && known[$0].notBefore <= now }
            .shuffled(using: &generator)
            .map { (index: $0, rank: (known[$0].failures, ~priority(known[$0].address))) }
            .sorted { $0.rank < $1.rank }
            .prefix(budget).map(\.index)
        for index in due {
            known[index].state = .dialling
            known[index].dialledAt = now
        }
        diallingCount += due.count
        return due.map { known[$0].address }
    }

    /// When the next address may be dialled.
    package var nextDial: Instant? {
        known.lazy.filter { $0.state == .idle }.map(\.notBefore).min()
    }

    /// We are connected to the address, which may not have been known.
    package mutating func connected(_ address: PeerAddress, now: Instant) {
        found([address], now: now)
        guard let index = indices[address.unmapped] else { return }
        if known[index].state == .dialling { diallingCount -= 1 }
        known[index].state = .connected
    }

    /// How long the dial has taken that has led to a connection now.
    package func dialTime(of address: PeerAddress, now: Instant) -> Duration? {
        guard let index = indices[address.unmapped], known[index].state == .dialling else {
            return nil
        }
        return known[index].dialledAt.map { now - $0 }
    }

    /// An address is dialled out of turn.
    ///
    /// - Returns: false if it is not to be: it is ourselves, banned, connected or being dialled, or too
    ///   many others are.
    package mutating func claim(_ address: PeerAddress, now: Instant) -> Bool {
        guard diallingCount < limits.maximumHalfOpen else { return false }
        found([address], now: now)
        guard let index = indices[address.unmapped], known[index].state == .idle else {
            return false
        }
        known[index].state = .dialling
        // It waits for the other side, so its time says nothing of the path.
        known[index].dialledAt = nil
        diallingCount += 1
        return true
    }

    /// A dial failed: the address waits 15 s, doubled with every failure.
    package mutating func dialFailed(_ address: PeerAddress, now: Instant) {
        guard let index = indices[address.unmapped], known[index].state == .dialling else { return }
        diallingCount -= 1
        known[index].wasUseful = false
        backOff(index, now: now)
    }

    /// A connection that we dialled ended.
    ///
    /// - Parameter wasUseful: it delivered something, so the address is as good as new.
    package mutating func disconnected(_ address: PeerAddress, wasUseful: Bool, now: Instant) {
        guard let index = indices[address.unmapped], known[index].state == .connected else {
            return
        }
        known[index].wasUseful = wasUseful
        if wasUseful { known[index].failures = 0 }
        backOff(index, now: now)
    }

    /// The address turned out to be ourselves.
    package mutating func forgetOwn(_ address: PeerAddress) {
        if own.count < Self.maximumOwn { own.insert(address.unmapped) }
        if let index = indices[address.unmapped] { remove(index) }
    }

    package mutating func ban(_ peer: PeerIdentity) {
        bans.ban(peer)
        for index in known.indices.reversed() where bans.contains(known[index].address) {
            remove(index)
        }
    }

    private mutating func backOff(_ index: Int, now: Instant) {
        let failures = known[index].failures
        let backoff =
            failures == 0
            ? limits.firstRetry : limits.initialBackoff * (1 << min(failures - 1, 16))
        known[index].state = .idle
        known[index].notBefore = now + min(backoff, limits.maximumBackoff)
        known[index].failures += 1
    }

    /// Drops the idle address that failed most.
    private mutating func makeRoom() -> Bool {
        let worst = known.indices.filter { known[$0].state == .idle && known[$0].failures > 0 }
            .max { known[$0].failures < known[$1].failures }
        guard let worst else { return false }
        remove(worst)
        return true
    }

    private mutating func remove(_ index: Int) {
        if known[index].state == .dialling { diallingCount -= 1 }
        indices[known[index].address] = nil
        if let host = known[index].address.withPort(1) {
            let count = hostCounts[host, default: 0] - 1
            hostCounts[host] = count > 0 ? count : nil
        }
        known.remove(at: index)
        for later in index..<known.count { indices[known[later].address] = later }
    }
}
