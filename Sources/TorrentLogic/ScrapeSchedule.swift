package import BitTorrentProtocol

/// How large a torrent's swarm is at each of its trackers, and which of them to scrape for it
/// (BEP 48): those that have told nothing of late, while somebody wants to know whom to ask first.
///
/// Trackers say the same with each announce, so that only others are scraped.
package struct ScrapeSchedule: Sendable {
    package typealias Instant = ContinuousClock.Instant

    private struct Entry {
        var size: SwarmSize?
        /// Not scraped before.
        var next: Instant?
        var isAsked = false
    }

    /// How long what a tracker has said counts, and until one that failed is scraped again.
    private static let interval = Duration.seconds(30 * 60)
    /// Trackers that are scraped at a time.
    private static let parallelCount = 4
    /// Trackers that are scraped at all.
    private static let maximumCount = 32

    private var entries: [String: Entry] = [:]
    /// In the order of the tiers.
    private let trackers: [String]
    /// Nothing is due before.
    private var idleUntil: Instant?

    /// - Parameter trackers: those that can be scraped; of a single one the announces say all.
    package init(trackers: [String]) {
        self.trackers = Array(trackers.prefix(Self.maximumCount))
    }

    /// The largest swarm that a tracker has told of; their peers may be the same.
    package var largest: SwarmSize? {
        entries.values.compactMap(\.size).max {
            ($0.peerCount, $0.seedCount) < ($1.peerCount, $1.seedCount)
        }
    }

    package func size(at tracker: String) -> SwarmSize? { entries[tracker]?.size }

    /// The trackers to scrape now; `told` or `failed` is to be reported of each.
    ///
    /// - Parameter isAnnouncing: whether a tracker is being asked for peers; it will tell of itself.
    package mutating func takeDue(
        now: Instant,
        isAnnouncing: (String) -> Bool
    ) -> [String] {
        guard trackers.count > 1, idleUntil.map({ $0 <= now }) ?? true else { return [] }
        var room = Self.parallelCount - entries.values.count { $0.isAsked }
        var due: [String] = []
        for tracker in trackers where room > 0 {
            let entry = entries[tracker, default: Entry()]
            guard !entry.isAsked, entry.next.map({ $0 <= now }) ?? true, !isAnnouncing(tracker)
            else { continue }
            entries[tracker, default: Entry()].isAsked = true
            due.append(tracker)
            room -= 1
        }
        // Looked at again when something is told, or in a while.
        idleUntil = now + .seconds(1)
        return due
    }

    /// A tracker has said how large the swarm is, asked for it or not; `nil`: it knows none.
    package mutating func told(_ size: SwarmSize?, by tracker: String, now: Instant) {
        entries[tracker] = Entry(
            size: size ?? SwarmSize(seedCount: 0, leecherCount: 0),
            next: now + Self.interval
        )
        idleUntil = nil
    }

    /// A scrape has failed; what the tracker said before is too old to count.
    package mutating func failed(_ tracker: String, now: Instant) {
        entries[tracker] = Entry(size: nil, next: now + Self.interval)
        idleUntil = nil
    }
}
