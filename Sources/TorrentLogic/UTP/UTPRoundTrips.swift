/// How long an acknowledgement takes, and how long to wait for one (RFC 6298, with BEP 29's bounds).
struct UTPRoundTrips {
    /// Microseconds; `nil` before the first sample.
    private(set) var smoothed: Int?
    private(set) var least = Int.max
    private var variation = 0
    /// Doublings of the timeout since something was acknowledged last.
    private var backoff = 0

    mutating func add(_ sample: Int) {
        least = min(least, sample)
        backoff = 0
        guard let smoothed else {
            smoothed = sample
            variation = sample / 2
            return
        }
        variation += (abs(smoothed - sample) - variation) / 4
        self.smoothed = smoothed + (sample - smoothed) / 8
    }

    /// Until what is not acknowledged is sent again.
    var timeout: Int {
        let plain = smoothed.map { $0 + 4 * variation } ?? UTPLimits.initialTimeout
        let bounded = max(plain, UTPLimits.minimumTimeout) << backoff
        return min(bounded, UTPLimits.maximumTimeout)
    }

    /// Something was acknowledged, of which nobody knows when it was sent.
    mutating func acknowledged() { backoff = 0 }

    mutating func timedOut() { backoff = min(backoff + 1, 5) }
}
