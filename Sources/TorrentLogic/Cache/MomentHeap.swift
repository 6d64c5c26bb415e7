import BitTorrentProtocol

/// Torrents by a moment, the earliest at the front.
struct MomentHeap: Sendable {
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
