package import BitTorrentProtocol

/// When to look for the peers of which torrent, where no tracker says how often.
///
/// Only torrents that want peers are in it, so that any number at rest costs nothing.
package struct SearchSchedule: Sendable {
    package typealias Instant = ContinuousClock.Instant

    private struct Entry {
        var isUrgent: Bool
        var last: Instant?
        /// The last search reached too little to count for long.
        var wasPoor = false
    }

    private let interval: Duration
    private let urgentInterval: Duration
    private var entries: [InfoHash: Entry] = [:]
    /// Of torrents that want no peers now; what is older than the interval is forgotten.
    private var lastOfOthers: [InfoHash: Instant] = [:]

    /// - Parameters:
    ///   - interval: between two searches for one torrent.
    ///   - urgentInterval: the same while a reader waits and few peers give data.
    package init(interval: Duration, urgentInterval: Duration) {
        self.interval = interval
        self.urgentInterval = urgentInterval
    }

    package var infoHashes: some Collection<InfoHash> { entries.keys }

    package func wants(_ infoHash: InfoHash) -> Bool { entries[infoHash] != nil }

    /// A torrent wants peers from now on, or wants them more or less than before.
    package mutating func want(_ infoHash: InfoHash, isUrgent: Bool) {
        if entries[infoHash] == nil {
            entries[infoHash] = Entry(isUrgent: isUrgent, last: lastOfOthers[infoHash])
            lastOfOthers[infoHash] = nil
        } else {
            entries[infoHash]?.isUrgent = isUrgent
        }
    }

    /// A torrent wants no peers any more; if it does again, the intervals still hold.
    package mutating func drop(_ infoHash: InfoHash, now: Instant) {
        guard let last = entries.removeValue(forKey: infoHash)?.last else { return }
        lastOfOthers = lastOfOthers.filter { now < $0.value + urgentInterval }
        if now < last + urgentInterval { lastOfOthers[infoHash] = last }
    }

    /// The last search for this torrent reached too little: the next comes sooner.
    package mutating func renew(_ infoHash: InfoHash) { entries[infoHash]?.wasPoor = true }

    /// When the next search is due; `nil` if no torrent wants peers.
    package var nextDeadline: Instant? { entries.values.compactMap(due).min() }

    private func due(_ entry: Entry) -> Instant? {
        let wait =
            switch (entry.isUrgent, entry.wasPoor) {
            case (false, false): interval
            case (true, true): urgentInterval / 4
            case (true, false), (false, true): urgentInterval
            }
        return entry.last.map { $0 + wait }
    }

    /// The torrents to search for now; the next time is an interval away.
    package mutating func takeDue(now: Instant) -> [InfoHash] {
        var due: [InfoHash] = []
        for (infoHash, entry) in entries where self.due(entry).map({ $0 <= now }) ?? true {
            due.append(infoHash)
            entries[infoHash]?.last = now
            entries[infoHash]?.wasPoor = false
        }
        return due
    }
}
