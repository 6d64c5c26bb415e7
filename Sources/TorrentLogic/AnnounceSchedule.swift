/// When to announce to which tracker with which event (BEP 3, BEP 12).
///
/// One tracker at a time: the tiers in order, within a tier the trackers in order; the one that
/// answers moves to the front of its tier. An answer sets the next time: the tracker's interval, or
/// sooner while somebody wants data and no peer gives any. When all have failed, the waits grow
/// from 5 s to 1 h.
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
    }

    private enum State: Equatable {
        case off
        /// The next announce is due then.
        case waiting(until: Instant)
        case asking(tracker: String, event: Event)
    }

    private var tiers: [[Tracker]]
    private var state = State.off
    private var lastAnnounce: Instant?
    private var isCompletedDue = false
    private var wantsPeers = false
    private var actions: [Action] = []

    private static let floor = Duration.seconds(60)
    private static let ceiling = Duration.seconds(3600)
    private static let urgentFloor = Duration.seconds(15)
    private static let initialBackoff = Duration.seconds(5)

    /// - Parameters:
    ///   - tiers: as in the metainfo; each tier is shuffled once (BEP 12).
    ///   - seed: of the shuffle.
    package init(tiers: [[String]], seed: UInt64) {
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
        guard case .waiting(let until) = state else { return nil }
        return until
    }

    package mutating func timerFired(now: Instant) {
        guard case .waiting(let until) = state, until <= now else { return }
        announce(now: now)
    }

    /// The torrent is in use from now on: announces `started`, then at the tracker's interval.
    package mutating func start(now: Instant) {
        guard state == .off, !tiers.isEmpty else { return }
        announce(now: now)
    }

    /// How things stand: with demand and without a usable peer it announces sooner.
    package mutating func update(hasDemand: Bool, usablePeerCount: Int, now: Instant) {
        let wants = hasDemand && usablePeerCount == 0
        guard wants != wantsPeers else { return }
        wantsPeers = wants
        guard wants, case .waiting(let until) = state else { return }
        state = .waiting(until: min(until, max(now, soonest(now))))
        timerFired(now: now)
    }

    /// The last piece came in during this session.
    package mutating func completed(now: Instant) {
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
        guard case .asking(tracker, let event) = state,
            let (tier, index) = position(of: tracker)
        else { return }
        if event == .completed { isCompletedDue = false }
        let minimum = max(minimumInterval ?? Self.urgentFloor, Self.urgentFloor)
        let next = min(max(interval, minimumInterval ?? .zero, Self.floor), Self.ceiling)
        tiers[tier][index].knowsUs = true
        tiers[tier][index].failures = 0
        tiers[tier][index].notBefore = nil
        tiers[tier][index].minimumNext = now + min(minimum, Self.ceiling)
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
        guard case .asking(tracker, _) = state, let (tier, index) = position(of: tracker) else {
            return
        }
        let factor = 1 << min(tiers[tier][index].failures, 16)
        let backoff = max(Self.initialBackoff * factor, retryAfter ?? .zero)
        tiers[tier][index].failures += 1
        tiers[tier][index].notBefore = now + min(backoff, Self.ceiling)
        announce(now: now)
    }

    /// Asks the first tracker that may be asked, or waits for the first that will be.
    private mutating func announce(now: Instant) {
        let all = tiers.joined()
        if let tracker = all.first(where: { ($0.notBefore ?? now) <= now }) {
            let event: Event =
                !tracker.knowsUs ? .started : isCompletedDue ? .completed : .update
            state = .asking(tracker: tracker.url, event: event)
            lastAnnounce = now
            actions.append(.announce(tracker: tracker.url, event: event))
        } else if let next = all.compactMap(\.notBefore).min() {
            state = .waiting(until: next)
        }
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
