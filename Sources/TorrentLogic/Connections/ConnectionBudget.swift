/// How the connections that a session may have are spread over its torrents.
package struct ConnectionBudget<Owner: Hashable & Sendable>: Sendable {
    package enum Verdict: Equatable, Sendable {
        case admitted
        /// It is admitted, and this torrent, which has most, is to give one up.
        case admittedInPlaceOf(Owner)
        /// There is no room, and no torrent that has more than this one.
        case refused
    }

    package private(set) var count = 0
    private var counts: [Owner: Int] = [:]
    private var maximum: Int

    package init(maximum: Int) { self.maximum = maximum }

    /// - Returns: the torrents that are to give up connections, and how many.
    package mutating func setMaximum(_ maximum: Int) -> [Owner: Int] {
        self.maximum = maximum
        return surplus(of: count - maximum)
    }

    /// - Returns: the torrents that are to give up so many connections in all, and how many each:
    ///   those that have most.
    package func surplus(of count: Int) -> [Owner: Int] {
        var left = counts
        var surplus: [Owner: Int] = [:]
        for _ in 0..<min(max(0, count), self.count) {
            guard let largest = left.max(by: { $0.value < $1.value })?.key else { break }
            left[largest, default: 0] -= 1
            surplus[largest, default: 0] += 1
        }
        return surplus
    }

    /// A handshake of the torrent is done.
    package mutating func opened(for owner: Owner) -> Verdict {
        var verdict = Verdict.admitted
        if count >= maximum {
            let largest = counts.max { $0.value < $1.value }
            guard let largest, largest.value > counts[owner, default: 0] + 1 else {
                return .refused
            }
            verdict = .admittedInPlaceOf(largest.key)
        }
        counts[owner, default: 0] += 1
        count += 1
        return verdict
    }

    /// A connection that was admitted has ended.
    package mutating func closed(for owner: Owner) {
        guard let left = counts[owner] else { return }
        counts[owner] = left > 1 ? left - 1 : nil
        count -= 1
    }
}
