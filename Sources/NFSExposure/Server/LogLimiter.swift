/// Lets a few lines through in each period: what a hostile peer causes must not fill the disk.
package struct LogLimiter: Sendable {
    private let limit: Int
    private let period: Duration
    private var periodStart: ContinuousClock.Instant?
    private var admitted = 0
    private var suppressed = 0

    package init(limit: Int = 10, per period: Duration = .seconds(60)) {
        self.limit = limit
        self.period = period
    }

    /// - Returns: `nil` if the line is not to be written, else the number of lines that were not
    ///   written since the last one that was.
    package mutating func admit(now: ContinuousClock.Instant) -> Int? {
        if periodStart.map({ now - $0 >= period }) ?? true {
            periodStart = now
            admitted = 0
        }
        guard admitted < limit else {
            suppressed += 1
            return nil
        }
        admitted += 1
        defer { suppressed = 0 }
        return suppressed
    }
}
