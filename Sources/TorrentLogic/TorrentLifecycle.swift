/// When an active torrent may go cold, and when it has seeded enough.
///
/// A torrent is active from the moment something needs it: a read, a pin, the wish to seed it, a
/// peer that asks for what it holds. It becomes idle when nothing does any more, and goes cold when
/// that has lasted for a while. What it holds is offered to peers as long as it is active.
package struct TorrentLifecycle: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What the user wants; it may change at any time.
    package struct Policy: Equatable, Sendable {
        /// Until a torrent that nobody uses goes cold.
        package var idleTime: Duration
        /// Active as long as it has not seeded enough, whoever reads it.
        package var seeds = false
        /// Fetched whole.
        package var isPinned = false
        /// Enough is seeded at so many bytes for each that the torrent has; `nil` for no limit.
        package var ratioLimit: Double?
        /// Enough is seeded after being whole and offered for so long; `nil` for no limit.
        package var timeLimit: Duration?

        package init(idleTime: Duration) { self.idleTime = idleTime }
    }

    /// How the torrent stands.
    package struct Situation: Equatable, Sendable {
        /// A reader waits, or wants what is missing.
        package var hasReaders = false
        /// Pieces are being hashed and written.
        package var isBusy = false
        /// Bytes that are verified.
        package var heldByteCount: UInt64 = 0
        package var isComplete = false

        package init() {}
    }

    /// What has been moved in the whole life of the torrent.
    package struct Traffic: Equatable, Sendable {
        /// Bytes of payload.
        package var uploaded: UInt64
        package var downloaded: UInt64
        /// Time for which the torrent was whole and offered.
        package var seeded: Duration

        package init(uploaded: UInt64 = 0, downloaded: UInt64 = 0, seeded: Duration = .zero) {
            self.uploaded = uploaded
            self.downloaded = downloaded
            self.seeded = seeded
        }
    }

    package private(set) var policy: Policy
    private var situation = Situation()
    private var counted: Traffic
    /// When reading, or serving a peer, was last seen.
    private var lastUse: Instant
    /// Up to when the time of seeding is counted.
    private var countedUntil: Instant

    /// - Parameter traffic: of earlier days.
    package init(policy: Policy, traffic: Traffic, now: Instant) {
        self.policy = policy
        counted = traffic
        lastUse = now
        countedUntil = now
    }

    // MARK: Events

    package mutating func setPolicy(_ policy: Policy, now: Instant) {
        guard policy != self.policy else { return }
        count(now)
        // What was kept until now is idle from now on.
        if isKept { lastUse = max(lastUse, now) }
        self.policy = policy
    }

    package mutating func update(_ situation: Situation, now: Instant) {
        guard situation != self.situation else { return }
        count(now)
        if isKept { lastUse = max(lastUse, now) }
        self.situation = situation
    }

    /// Somebody reads, were it only what is cached.
    package mutating func wasRead(now: Instant) { lastUse = max(lastUse, now) }

    package mutating func downloaded(_ byteCount: UInt64) { counted.downloaded += byteCount }

    /// Peers keep a torrent active until it has seeded enough.
    package mutating func uploaded(_ byteCount: UInt64, now: Instant) {
        counted.uploaded += byteCount
        if !hasSeededEnough(now: now) { lastUse = max(lastUse, now) }
    }

    // MARK: Decisions

    /// Whether it is time to say goodbye.
    package func mayCool(now: Instant) -> Bool {
        !isKept(now: now) && !situation.isBusy && lastUse + policy.idleTime <= now
    }

    /// When to look at `mayCool` again, if nothing happens before.
    package func nextDeadline(now: Instant) -> Instant? {
        if situation.hasReaders || situation.isBusy || isFetchedWhole { return nil }
        guard policy.seeds, !hasSeededEnough(now: now) else { return lastUse + policy.idleTime }
        // The ratio moves with events, the time by itself.
        guard let limit = policy.timeLimit, situation.isComplete else { return nil }
        return now + (limit - traffic(now: now).seeded)
    }

    /// A limit of seeding is reached: peers are no reason to be active any more.
    package func hasSeededEnough(now: Instant) -> Bool {
        let traffic = traffic(now: now)
        if let limit = policy.timeLimit, traffic.seeded >= limit { return true }
        guard let limit = policy.ratioLimit else { return false }
        // What was not downloaded (content of the user's own) counts as if it were.
        let received = max(traffic.downloaded, situation.heldByteCount)
        return received > 0 && Double(traffic.uploaded) >= limit * Double(received)
    }

    /// Announced while active, though nothing is missing: it has something to give, or is to be a seed.
    package func isOffered(now: Instant) -> Bool {
        (situation.heldByteCount > 0 || policy.seeds) && !hasSeededEnough(now: now)
    }

    /// Kept active as a seed though nobody reads.
    package func isSeeding(now: Instant) -> Bool { policy.seeds && !hasSeededEnough(now: now) }

    package func traffic(now: Instant) -> Traffic {
        var traffic = counted
        if situation.isComplete, now > countedUntil { traffic.seeded += now - countedUntil }
        return traffic
    }

    private var isFetchedWhole: Bool { policy.isPinned && !situation.isComplete }

    private var isKept: Bool { isKept(now: countedUntil) }

    private func isKept(now: Instant) -> Bool {
        situation.hasReaders || isFetchedWhole || isSeeding(now: now)
    }

    private mutating func count(_ now: Instant) {
        counted = traffic(now: now)
        countedUntil = max(countedUntil, now)
    }
}
