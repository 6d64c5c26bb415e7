/// Tells from the time that a gateway counts whether it has lost its mappings (RFC 6886 section 3.6,
/// RFC 6887 section 8.5).
struct GatewayEpoch: Sendable {
    typealias Instant = ContinuousClock.Instant

    private var last: (epoch: UInt32, instant: Instant)?

    /// - Parameter epoch: of an answer that comes now, in seconds.
    /// - Returns: whether what was mapped before is gone.
    mutating func isNew(_ epoch: UInt32, now: Instant) -> Bool {
        defer { last = (epoch, now) }
        guard let last else { return false }
        let ours = last.instant.duration(to: now) / .seconds(1)
        let theirs = Double(epoch) - Double(last.epoch)
        // Two seconds for the way, and a sixteenth because no two clocks are alike.
        return theirs < -1 || ours + 2 < theirs * 15 / 16 || theirs + 2 < ours * 15 / 16
    }
}
