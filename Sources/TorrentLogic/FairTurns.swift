/// Who of many may work, where only a few can at a time: everybody gets a turn, for ever.
///
/// As long as there is a place for everybody nobody has to stop. Else a turn that brought nothing
/// ends when its time is over and somebody else is due; who had such turns comes again after a
/// pause that doubles each time, so that the hopeless do not keep the others from their turns.
package struct FairTurns<Key: Hashable & Sendable>: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package enum Action: Equatable, Sendable {
        case begin(Key)
        case end(Key)
    }

    private struct Waiting {
        /// Turns in a row that brought nothing.
        var fruitless: Int
        var notBefore: Instant
        /// Whoever came first is first among those that are due since the same moment.
        let since: UInt64
    }

    private struct Turn {
        var fruitless: Int
        var until: Instant
        let since: UInt64
    }

    private let places: Int
    private let turn: Duration
    private let pause: Duration
    private let maximumPause: Duration
    private var waiting: [Key: Waiting] = [:]
    private var working: [Key: Turn] = [:]
    private var arrivals: UInt64 = 0

    /// - Parameters:
    ///   - places: how many work at a time; at least 1.
    ///   - turn: how long one works at least.
    ///   - pause: after the first turn that brought nothing.
    package init(places: Int, turn: Duration, pause: Duration, maximumPause: Duration) {
        precondition(places > 0)
        self.places = places
        self.turn = turn
        self.pause = pause
        self.maximumPause = maximumPause
    }

    package var keys: [Key] { Array(waiting.keys) + Array(working.keys) }

    package func contains(_ key: Key) -> Bool { waiting[key] != nil || working[key] != nil }

    package func isWorking(_ key: Key) -> Bool { working[key] != nil }

    package mutating func add(_ key: Key, now: Instant) {
        guard !contains(key) else { return }
        wait(key, fruitless: 0, notBefore: now)
    }

    /// The work is done, or not wanted any more; to the owner this is the end of a turn.
    package mutating func remove(_ key: Key) {
        waiting[key] = nil
        working[key] = nil
    }

    /// The turn brought something: it begins anew.
    package mutating func progressed(_ key: Key, now: Instant) {
        working[key]?.fruitless = 0
        working[key]?.until = now + turn
    }

    /// What changes now; the ends come before the beginnings.
    package mutating func advance(now: Instant) -> [Action] {
        var due = dueKeys(now: now)
        guard !due.isEmpty else { return [] }
        var actions: [Action] = []
        let over = working.filter { $0.value.until <= now }
            .sorted { ($0.value.until, $0.value.since) < ($1.value.until, $1.value.since) }
        var lacking = due.count - (places - working.count)
        for (key, ended) in over where lacking > 0 {
            working[key] = nil
            let wait = pause * (1 << min(ended.fruitless, 16))
            self.wait(key, fruitless: ended.fruitless + 1, notBefore: now + min(wait, maximumPause))
            actions.append(.end(key))
            lacking -= 1
        }
        due.removeLast(max(0, due.count - (places - working.count)))
        for key in due {
            guard let entry = waiting.removeValue(forKey: key) else { continue }
            working[key] = Turn(
                fruitless: entry.fruitless,
                until: now + turn,
                since: entry.since
            )
            actions.append(.begin(key))
        }
        return actions
    }

    /// When `advance` has something to do, if nothing happens before.
    package func nextDeadline(now: Instant) -> Instant? {
        guard let soonest = waiting.values.lazy.map(\.notBefore).min() else { return nil }
        if working.count < places { return max(soonest, now) }
        return working.values.lazy.map(\.until).min().map { max($0, soonest, now) }
    }

    private func dueKeys(now: Instant) -> [Key] {
        waiting.filter { $0.value.notBefore <= now }
            .sorted { ($0.value.notBefore, $0.value.since) < ($1.value.notBefore, $1.value.since) }
            .map(\.key)
    }

    private mutating func wait(_ key: Key, fruitless: Int, notBefore: Instant) {
        arrivals += 1
        waiting[key] = Waiting(fruitless: fruitless, notBefore: notBefore, since: arrivals)
    }
}
