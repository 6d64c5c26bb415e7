/// Blocks of a peer that come though their requests were cancelled, because they stood in its send
/// buffer; what is asked of it next comes behind them.
struct Stragglers {
    typealias Instant = ContinuousClock.Instant

    /// When each should come, in order; the part before `head` is used up.
    private var expected: [Instant] = []
    private var head = 0

    /// What clients have in their send buffers, as seconds of their rate.
    private static let sendBufferSeconds = 0.25
    /// More than a send buffer holds.
    private static let maximumCount = 1024

    init() {}

    /// A request was cancelled.
    ///
    /// - Parameters:
    ///   - time: when its block would have come.
    ///   - roundTrip: of the peer, in seconds.
    mutating func cancelled(expectedAt time: Instant, roundTrip: Double, now: Instant) {
        guard now < time, time <= now + .seconds(roundTrip + Self.sendBufferSeconds) else { return }
        head = firstExpected(after: now)
        if head >= 64, head * 2 >= expected.count {
            expected.removeFirst(head)
            head = 0
        }
        guard expected.count - head < Self.maximumCount else { return }
        // One that was requested sooner than what it stands behind does not come before it.
        expected.append(expected.last.map { max($0, time) } ?? time)
    }

    /// One has come.
    mutating func came() {
        if head < expected.count { head += 1 }
    }

    /// How many are still to come.
    ///
    /// Asked for at every request, so it looks at few of them.
    func count(now: Instant) -> Int {
        head == expected.count ? 0 : expected.count - firstExpected(after: now)
    }

    private func firstExpected(after now: Instant) -> Int {
        var (low, high) = (head, expected.count)
        while low < high {
            let middle = (low + high) / 2
            if expected[middle] > now { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
