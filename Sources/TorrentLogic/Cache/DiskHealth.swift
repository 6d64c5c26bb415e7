/// Whether the cache is worth a write: after a failure one is tried from time to time, less and less
/// often.
package struct DiskHealth: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// From the first failure of a series to the next attempt; each that fails doubles it.
    package static let firstPause = Duration.seconds(2)
    package static let longestPause = Duration.seconds(60)

    private var nextAttempt: Instant?
    private var lastFailure: Instant?
    private var pause = Self.firstPause

    package init() {}

    package var isFailing: Bool { nextAttempt != nil }

    /// - Returns: true if a write may be tried now; while writing fails, once a pause.
    package mutating func mayWrite(now: Instant) -> Bool {
        guard let nextAttempt else { return true }
        guard nextAttempt <= now else { return false }
        self.nextAttempt = now + pause
        return true
    }

    /// - Returns: true if this failure is the first of a series.
    package mutating func failed(now: Instant) -> Bool {
        let isFirst = nextAttempt == nil
        if isFirst {
            pause = Self.firstPause
        } else if let lastFailure, now >= lastFailure + pause {
            // Not for writes that were under way together.
            pause = min(pause * 2, Self.longestPause)
        }
        lastFailure = now
        nextAttempt = now + pause
        return isFirst
    }

    /// Something has changed that may have mended the disk: a write is tried at once.
    package mutating func mayBeMended(now: Instant) {
        if nextAttempt != nil { nextAttempt = now }
    }

    /// - Returns: true if this success is the end of a series of failures.
    package mutating func worked() -> Bool {
        defer { nextAttempt = nil }
        return nextAttempt != nil
    }
}
