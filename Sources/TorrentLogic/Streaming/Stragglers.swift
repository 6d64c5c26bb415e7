/// Blocks of a peer that come though their requests were cancelled, because they stood in its send
/// buffer; what is asked of it next comes behind them.
struct Stragglers {
    typealias Instant = ContinuousClock.Instant

    /// When each should come, mostly in order.
    private var expected: [Instant] = []

    /// What clients have in their send buffers, as seconds of their rate.
    private static let sendBufferSeconds = 0.25

    init() {}

    /// A request was cancelled.
    ///
    /// - Parameters:
    ///   - time: when its block would have come.
    ///   - roundTrip: of the peer, in seconds.
    mutating func cancelled(expectedAt time: Instant, roundTrip: Double, now: Instant) {
        guard now < time, time <= now + .seconds(roundTrip + Self.sendBufferSeconds) else { return }
        expected.removeAll { $0 <= now }
        expected.append(time)
    }

    /// One has come.
    mutating func came() {
        if !expected.isEmpty { expected.removeFirst() }
    }

    /// How many are still to come.
    func count(now: Instant) -> Int {
        expected.isEmpty ? 0 : expected.count { $0 > now }
    }
}
