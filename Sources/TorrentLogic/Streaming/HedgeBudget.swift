/// How many bytes may be requested a second time, so that hedging costs little: a fortieth of what
/// arrives, a few blocks at once, and a loan when a reader goes to a place where nothing is measured
/// yet.
package struct HedgeBudget {
    package private(set) var byteCount = Self.burst

    private static let share = 40
    private static let burst = 256 << 10
    private static let loan = 512 << 10

    package init() {}

    package mutating func received(_ count: Int) {
        guard byteCount < Self.burst else { return }
        byteCount = min(byteCount + count / Self.share, Self.burst)
    }

    package mutating func jumped() {
        byteCount = min(byteCount + Self.loan, Self.burst + Self.loan)
    }

    package var permitsMore: Bool { byteCount > 0 }

    package mutating func spend(_ count: Int) { byteCount -= count }
}
