/// When to announce to which tracker with which event (BEP 3, BEP 12).
///
/// One tracker at a time: the tiers in order, within a tier the trackers in order; the one that
/// answers moves to the front of its tier. An answer sets the next time: the tracker's interval, or
/// sooner while somebody wants data and no peer gives any. When all have failed, the waits grow
/// from 5 s to 1 h.
///
/// While somebody wants data and few peers give any, further trackers are asked as well, one every
/// 2 s and each at its own interval, those of large swarms first, beyond what BEP 12 says: a reader
/// waits. Not so for private torrents.
package struct AnnounceSchedule {
    package typealias Instant = ContinuousClock.Instant

    /// `event` of an announce.
    package enum Event: Equatable, Sendable {
        /// No event: one of the regular announces.
        case update
        case started
        case completed
        case stopped
    }

    package enum Action: Equatable, Sendable {
        /// Announce, then report `succeeded` or `failed` for this tracker.
        case announce(tracker: String, event: Event)
    }

    private struct Tracker {
        let url: String
        /// It has had our `started` and not our `stopped`.
        var knowsUs = false
        var failures = 0
        var notBefore: Instant?
        /// No announce sooner than this, however much we want one.
        var minimumNext: Instant?
        /// No announce beside the regular ones sooner than this.
        var furtherNext: Instant?
        /// Peers that it knows, as far as it has said.
        var peerCount: Int?
    }

    private enum State: Equatable {
        case off
        /// The next announce is due then.
        case waiting(until: Instant)
        case asking(tracker: String, event: Event)
    }

    private var tiers: [[Tracker]]
    private let asksFurther: Bool
    private var state = State.off
    /// Announces beside that of the state, with their events.
    private var further: [String: Event] = [:]
    /// When the next tracker beside that of the state is asked.
    private var nextFurther: Instant?
    private var wantsMorePeers = false
    private var lastAnnounce: Instant?
    private var isCompletedDue = false
    private var hasCompleted = false
    private var wantsPeers = false
    private var actions: [Action] = []

    private static let floor = Duration.seconds(60)
    private static let ceiling = Duration.seconds(3600)
    private static let urgentFloor = Duration.seconds(15)
    private static let initialBackoff = Duration.seconds(5)
    private static let furtherInterval = Duration.seconds(2)
    /// Usable peers that are enough for a reader.
    private static let enoughPeers = 5

    /// - Parameters:
    ///   - tiers: as in the metainfo; each tier is shuffled once (BEP 12).
    ///   - isPrivate: one tracker at a time, whatever happens (BEP 27).
    ///   - seed: of the shuffle.
    package init(tiers: [[String]], isPrivate: Bool = false, seed: UInt64) {
        asksFurther = !isPrivate
        var generator = SeededGenerator(seed: seed)
        var seen: Set<String> = []
        self.tiers = tiers.map { tier in
            tier.filter { seen.insert($0).inserted }.shuffled(using: &generator)
                .map { Tracker(url: $0) }
        }.filter { !$0.isEmpty }
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions.removeAll() }
        return actions
    }

    package var nextDeadline: Instant? {
        guard case .waiting(let until) = state else { return nextFurther }
        return nextFurther.map { min($0, until) } ?? until
    }

    package mutating func timerFired(now: Instant) {
        if case .waiting(let until) = state, until <= now { announce(now: now) }
        if let next = nextFurther, next <= now { announceFurther(now: now) }
    }

    /// The torrent is in use from now on: announces `started`, then at the tracker's interval.
    package mutating func start(now: Instant) {
        guard state == .off, !tiers.isEmpty else { return }
        announce(now: now)
    }

    /// How things stand: with demand and without a usable peer it announces sooner.
    package mutating func update(hasDemand: Bool, usablePeerCount: Int, now: Instant) {
        wantsMorePeers = hasDemand && usablePeerCount < Self.enoughPeers
        planFurther(now: now)
        let wants = hasDemand && usablePeerCount == 0
        guard wants != wantsPeers else { return }
        wantsPeers = wants
        guard wants, case .waiting(let until) = state else { return }
        state = .waiting(until: min(until, max(now, soonest(now))))
        timerFired(now: now)
    }

    /// The last piece came in.
    ///
    /// A cache gives pieces up and fetches them again: what was whole once has not become so anew.
    package mutating func completed(now: Instant) {
        guard !hasCompleted else { return }
        hasCompleted = true
        isCompletedDue = true
        if case .waiting = state { announce(now: now) }
    }

    /// The torrent is out of use: announces `stopped` to the trackers that know of us.
    ///
    /// `start` may follow.
    package mutating func stop(now: Instant) {
        guard state != .off else { return }
        state = .off
        isCompletedDue = false
        further = [:]
        nextFurther = nil
        wantsMorePeers = false
        wantsPeers = false
        for tier in tiers.indices {
            for index in tiers[tier].indices where tiers[tier][index].knowsUs {
                tiers[tier][index].knowsUs = false
                actions.append(.announce(tracker: tiers[tier][index].url, event: .stopped))
            }
        }
    }

    package mutating func succeeded(
        tracker: String,
        interval: Duration,
        minimumInterval: Duration?,
        now: Instant
    ) {
        guard let (tier, index) = position(of: tracker), let event = event(for: tracker) else {
            return
        }
        let minimum = max(minimumInterval ?? Self.urgentFloor, Self.urgentFloor)
        let next = min(max(interval, minimumInterval ?? .zero, Self.floor), Self.ceiling)
        tiers[tier][index].knowsUs = true
        tiers[tier][index].failures = 0
        tiers[tier][index].notBefore = nil
        tiers[tier][index].minimumNext = now + min(minimum, Self.ceiling)
        tiers[tier][index].furtherNext = now + next
        if further.removeValue(forKey: tracker) != nil {
            planFurther(now: now)
            return
        }
        if event == .completed { isCompletedDue = false }
        tiers[tier].insert(tiers[tier].remove(at: index), at: 0)
        if isCompletedDue {
            announce(now: now)
        } else {
            let due = wantsPeers ? min(now + next, max(now, soonest(now))) : now + next
            state = .waiting(until: due)
        }
    }

    /// - Parameter retryAfter: the tracker's own wish, if it sent one (BEP 31).
    package mutating func failed(tracker: String, retryAfter: Duration?, now: Instant) {
        guard let (tier, index) = position(of: tracker), event(for: tracker) != nil else { return }
        let factor = 1 << min(tiers[tier][index].failures, 16)
        let backoff = max(Self.initialBackoff * factor, retryAfter ?? .zero)
        tiers[tier][index].failures += 1
        tiers[tier][index].notBefore = now + min(backoff, Self.ceiling)
        if further.removeValue(forKey: tracker) != nil {
            planFurther(now: now)
        } else {
            failOver(now: now)
        }
    }

    /// The tracker does not want to be asked again (BEP 31): it is left out from now on.
    package mutating func refusedForGood(tracker: String, now: Instant) {
        guard let (tier, index) = position(of: tracker), event(for: tracker) != nil else { return }
        tiers[tier].remove(at: index)
        if tiers[tier].isEmpty { tiers.remove(at: tier) }
        let wasFurther = further.removeValue(forKey: tracker) != nil
        if tiers.isEmpty {
            state = .off
            nextFurther = nil
        } else if wasFurther {
            planFurther(now: now)
        } else {
            failOver(now: now)
        }
    }

    /// The event with which a tracker is being asked, `nil` if it is not.
    private func event(for tracker: String) -> Event? {
        if case .asking(tracker, let event) = state { return event }
        return further[tracker]
    }

    // MARK: Trackers beside the regular one

    /// Trackers beside the regular one are asked at this time.
    package var asksFurtherTrackers: Bool { asksFurther && wantsMorePeers && state != .off }

    /// Whether an answer of the tracker is awaited.
    package func isAsking(_ tracker: String) -> Bool { event(for: tracker) != nil }

    /// A tracker has said how many peers it knows, or (`nil`) no longer says.
    package mutating func learned(peerCount: Int?, at tracker: String) {
        guard let (tier, index) = position(of: tracker) else { return }
        tiers[tier][index].peerCount = peerCount
    }

    /// Sets the time for the next of them, from now if none was set.
    private mutating func planFurther(now: Instant) {
        guard asksFurther, wantsMorePeers, state != .off,
            let soonest = tiers.joined().compactMap({ furtherChance($0, now: now) }).min()
        else {
            nextFurther = nil
            return
        }
        nextFurther = max(nextFurther ?? now + Self.furtherInterval, soonest)
    }

    private mutating func announceFurther(now: Instant) {
        nextFurther = nil
        let candidates = tiers.joined().filter {
            furtherChance($0, now: now).map { $0 <= now } ?? false
        }
        // The first of those that know most; one of which nothing is known may know somebody.
        if let tracker = candidates.min(by: { $0.peerCount ?? 1 > $1.peerCount ?? 1 }) {
            let event: Event = tracker.knowsUs ? .update : .started
            further[tracker.url] = event
            actions.append(.announce(tracker: tracker.url, event: event))
        }
        planFurther(now: now)
    }

    /// When a tracker may be asked beside the others; `nil` while it is being asked.
    private func furtherChance(_ tracker: Tracker, now: Instant) -> Instant? {
        guard event(for: tracker.url) == nil else { return nil }
        return [tracker.notBefore, tracker.minimumNext, tracker.furtherNext]
            .compactMap { $0 }.max() ?? now
    }

    /// Asks the first tracker that may be asked, or waits for the first that will be.
    private mutating func announce(now: Instant) {
        let all = tiers.joined()
        if let tracker = all.first(where: {
            ($0.notBefore ?? now) <= now && further[$0.url] == nil
        }) {
            let event: Event =
                !tracker.knowsUs ? .started : isCompletedDue ? .completed : .update
            state = .asking(tracker: tracker.url, event: event)
            lastAnnounce = now
            actions.append(.announce(tracker: tracker.url, event: event))
        } else {
            let next = all.map { tracker in
                further[tracker.url] != nil
                    ? now + Self.furtherInterval : tracker.notBefore ?? now
            }
            state = .waiting(until: next.min() ?? now)
        }
    }

    /// Goes on to the next tracker after a failure, unless that one has answered of late.
    private mutating func failOver(now: Instant) {
        let next = tiers.joined().first { ($0.notBefore ?? now) <= now && further[$0.url] == nil }
        guard let next, let due = next.furtherNext, now < due, !isCompletedDue else {
            return announce(now: now)
        }
        state = .waiting(until: wantsPeers ? min(due, max(now, soonest(now))) : due)
    }

    /// When an announce out of turn is allowed: 15 s after the last, and when the tracker to be
    /// asked says so.
    private func soonest(_ now: Instant) -> Instant {
        let candidates = tiers.joined().compactMap { tracker -> Instant? in
            [tracker.minimumNext, tracker.notBefore, lastAnnounce.map { $0 + Self.urgentFloor }]
                .compactMap { $0 }.max()
        }
        return candidates.min() ?? now
    }

    private func position(of url: String) -> (Int, Int)? {
        for (tier, trackers) in tiers.enumerated() {
            if let index = trackers.firstIndex(where: { $0.url == url }) { return (tier, index) }
        }
        return nil
    }
}
