/// Whether the cache is worth a write: after a failure one is tried from time to time.
package struct DiskHealth: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// Between two attempts while writing fails.
    package static let retryInterval = Duration.seconds(10)

    private var nextAttempt: Instant?

    package init() {}

    package var isFailing: Bool { nextAttempt != nil }

    /// - Returns: true if a write may be tried now; while writing fails, once an interval.
    package mutating func mayWrite(now: Instant) -> Bool {
        guard let nextAttempt else { return true }
        guard nextAttempt <= now else { return false }
        self.nextAttempt = now + Self.retryInterval
        return true
    }

    /// - Returns: true if this failure is the first of a series.
    package mutating func failed(now: Instant) -> Bool {
        defer { nextAttempt = now + Self.retryInterval }
        return nextAttempt == nil
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
