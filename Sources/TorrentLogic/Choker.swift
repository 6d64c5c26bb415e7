/// Whom we serve.
///
/// While we download: the interested peers that give us most, and one chosen at random so that
/// newcomers get a chance (BEP 3, tit for tat and optimistic unchoking). One that owes us blocks and
/// sends none is served only if nobody else wants the slot. While we download nothing: each for a
/// minute in turn, so that everybody gets a share and not the fastest alone.
///
/// One that loses interest keeps its slot until somebody else needs it: it has what we have, but not
/// what we will have in a second.
///
/// Nobody is choked or unchoked more often than once in ten seconds, however often its interest
/// comes and goes: a peer needs some seconds to be of use (BEP 3, fibrillation).
package struct Choker {
    package typealias Instant = ContinuousClock.Instant

    package struct Candidate: Equatable, Sendable {
        package let key: PeerKey
        /// Bytes it gave us of late.
        package let byteCount: UInt64
        /// It owes us blocks and sends none.
        package let isSnubbing: Bool

        package init(key: PeerKey, byteCount: UInt64, isSnubbing: Bool = false) {
            self.key = key
            self.byteCount = byteCount
            self.isSnubbing = isSnubbing
        }
    }

    /// Who may request; sorted.
    package private(set) var unchoked: [PeerKey] = []
    /// Those of them that want nothing just now.
    private var idle: Set<PeerKey> = []
    package private(set) var optimistic: PeerKey?
    package private(set) var nextRound: Instant

    private let slots: Int
    private var nextOptimistic: Instant
    private var generator: SeededGenerator
    /// Since when each is unchoked or, of those who were, choked.
    private var changedAt: [PeerKey: Instant] = [:]

    private static let round = Duration.seconds(10)
    private static let optimisticRound = Duration.seconds(30)
    /// How long one is served in turn while others wait.
    private static let turn = Duration.seconds(60)

    package init(slots: Int, seed: UInt64, now: Instant) {
        precondition(slots > 0)
        self.slots = slots
        generator = SeededGenerator(seed: seed)
        nextRound = now + Self.round
        nextOptimistic = now
    }

    /// A peer became interested: it need not wait for the next round if a slot is free, or held by one
    /// that wants nothing, and it was not choked a moment ago.
    package mutating func becameInterested(_ key: PeerKey, now: Instant) {
        idle.remove(key)
        guard !unchoked.contains(key) else { return }
        if let choked = changedAt[key], now - choked < Self.round { return }
        if unchoked.count >= slots {
            guard let holder = unchoked.first(where: idle.contains) else { return }
            free(holder)
            changedAt[holder] = now
        }
        unchoked.append(key)
        unchoked.sort()
        changedAt[key] = now
    }

    /// A peer lost interest: its slot is for whoever needs it.
    package mutating func lostInterest(_ key: PeerKey) {
        guard unchoked.contains(key) else { return }
        idle.insert(key)
        if optimistic == key { optimistic = nil }
    }

    /// A peer is gone; its slot is free.
    package mutating func left(_ key: PeerKey) {
        free(key)
        changedAt[key] = nil
    }

    /// Every 10 s: chooses anew.
    ///
    /// - Parameters:
    ///   - interested: all peers that want something from us.
    ///   - isDownloading: what they give us counts.
    package mutating func rechoke(_ interested: [Candidate], isDownloading: Bool, now: Instant) {
        nextRound = now + Self.round
        let isTurnOver = now >= nextOptimistic
        let isGone = !interested.contains { $0.key == optimistic }
        if !isDownloading {
            optimistic = nil
        } else if isTurnOver || isGone {
            nextOptimistic = now + Self.optimisticRound
            let newcomers = interested.filter { !unchoked.contains($0.key) }
            optimistic =
                (newcomers.isEmpty ? interested : newcomers)
                .randomElement(using: &generator)?.key
        }
        let others = interested.filter { $0.key != optimistic }
        let ranked =
            isDownloading
            ? others.sorted { ranksByGift($0, $1, now: now) } : inTurn(others, now: now)
        let chosen = ranked.prefix(slots - (optimistic == nil ? 0 : 1)).map(\.key)
        var next = chosen + [optimistic].compactMap { $0 }
        idle.subtract(interested.map(\.key))
        next += unchoked.filter(idle.contains).prefix(slots - next.count)
        idle.formIntersection(next)
        next.sort()
        for key in next where !unchoked.contains(key) { changedAt[key] = now }
        for key in unchoked where !next.contains(key) { changedAt[key] = now }
        unchoked = next
    }

    /// Those who were just unchoked stay; then who gives most; then who waits longest.
    private func ranksByGift(_ left: Candidate, _ right: Candidate, now: Instant) -> Bool {
        let isNew = (isNew(left.key, now: now), isNew(right.key, now: now))
        if isNew.0 != isNew.1 { return isNew.0 }
        if left.isSnubbing != right.isSnubbing { return right.isSnubbing }
        if left.byteCount != right.byteCount { return left.byteCount > right.byteCount }
        return left.key < right.key
    }

    /// Those whose turn is not over; then the others, who waited longest first.
    private func inTurn(_ candidates: [Candidate], now: Instant) -> [Candidate] {
        func isServed(_ key: PeerKey) -> Bool {
            unchoked.contains(key) && changedAt[key].map { now - $0 < Self.turn } ?? false
        }
        let served = candidates.filter { isServed($0.key) }
        let waiting = candidates.filter { !isServed($0.key) }.sorted { left, right in
            // One whose turn is over has waited for nothing.
            let wasUnchoked = (unchoked.contains(left.key), unchoked.contains(right.key))
            if wasUnchoked.0 != wasUnchoked.1 { return wasUnchoked.1 }
            switch (changedAt[left.key], changedAt[right.key]) {
            case (nil, .some): return true
            case (.some, nil): return false
            case (let one?, let other?) where one != other: return one < other
            default: return left.key < right.key
            }
        }
        return served + waiting
    }

    private func isNew(_ key: PeerKey, now: Instant) -> Bool {
        unchoked.contains(key) && changedAt[key].map { now - $0 < Self.round } ?? false
    }

    private mutating func free(_ key: PeerKey) {
        unchoked.removeAll { $0 == key }
        idle.remove(key)
        if optimistic == key { optimistic = nil }
    }
}
