/// A rate: so many tokens a second, and a few saved up.
///
/// Whoever takes may leave a debt, which is paid off before the next may take: so a block larger than
/// what is there passes whole, and the rate is kept all the same.
package struct TokenBucket: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// Tokens a second; 0 is no limit.
    package private(set) var rate: Int
    /// Tokens saved at most.
    private var capacity: Double
    private var tokens: Double
    private var filledAt: Instant

    /// How long tokens are saved when nobody takes them: long enough that a late timer costs nothing,
    /// short enough that what passes in five seconds is right within 5 %.
    package static let savedTime = Duration.milliseconds(200)

    /// - Parameters:
    ///   - rate: tokens a second, 0 for no limit; not negative.
    ///   - capacity: tokens saved at most, and there at the beginning; without it what comes in
    ///     `savedTime`, of which none is there at the beginning.
    package init(rate: Int, capacity: Int? = nil, now: Instant) {
        precondition(rate >= 0)
        self.rate = rate
        self.capacity = capacity.map(Double.init) ?? Self.capacity(of: rate)
        tokens = capacity.map(Double.init) ?? 0
        filledAt = now
    }

    package var isLimited: Bool { rate > 0 }

    /// From now on; a debt stays.
    package mutating func setRate(_ rate: Int, capacity: Int? = nil, now: Instant) {
        precondition(rate >= 0)
        fill(now: now)
        self.rate = rate
        self.capacity = capacity.map(Double.init) ?? Self.capacity(of: rate)
        tokens = min(tokens, self.capacity)
    }

    /// What may be taken without a debt; at most 0 while a debt is paid off.
    package mutating func available(now: Instant) -> Int {
        guard isLimited else { return .max }
        fill(now: now)
        return Int(tokens.rounded(.down))
    }

    package mutating func take(_ count: Int) {
        if isLimited { tokens -= Double(count) }
    }

    /// What was taken and not used.
    package mutating func giveBack(_ count: Int) {
        if isLimited { tokens = min(tokens + Double(count), capacity) }
    }

    /// When at least one token will be there.
    package func nextToken(now: Instant) -> Instant {
        guard isLimited, tokens < 1 else { return now }
        return max(now, filledAt + .seconds((1 - tokens) / Double(rate)))
    }

    private mutating func fill(now: Instant) {
        guard now > filledAt else { return }
        tokens = min(tokens + Double(rate) * ((now - filledAt) / .seconds(1)), capacity)
        filledAt = now
    }

    private static func capacity(of rate: Int) -> Double {
        max(1, Double(rate) * (savedTime / .seconds(1)))
    }
}
