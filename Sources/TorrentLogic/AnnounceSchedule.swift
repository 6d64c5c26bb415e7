/// When to announce to which tracker with which event (BEP 3, BEP 12).
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

    /// - Parameters:
    ///   - tiers: as in the metainfo; each tier is shuffled once (BEP 12).
    ///   - seed: of the shuffle.
    package init(tiers: [[String]], seed: UInt64) {}

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] { [] }
    package var nextDeadline: Instant? { nil }
    package mutating func timerFired(now: Instant) {}

    /// The torrent is in use from now on: announces `started`, then at the tracker's interval.
    package mutating func start(now: Instant) {}

    /// How things stand: with demand and without a usable peer it announces sooner.
    package mutating func update(hasDemand: Bool, usablePeerCount: Int, now: Instant) {}

    /// The last piece came in during this session.
    package mutating func completed(now: Instant) {}

    /// The torrent is out of use: announces `stopped` to the trackers that know of us. `start` may
    /// follow.
    package mutating func stop(now: Instant) {}

    package mutating func succeeded(
        tracker: String,
        interval: Duration,
        minimumInterval: Duration?,
        now: Instant
    ) {}

    /// - Parameter retryAfter: the tracker's own wish, if it sent one (BEP 31).
    package mutating func failed(tracker: String, retryAfter: Duration?, now: Instant) {}
}
