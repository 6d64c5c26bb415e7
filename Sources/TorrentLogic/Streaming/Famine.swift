/// Whether readers want more than the swarm delivers.
///
/// As long as a swarm gives what is read, little is kept in flight: whoever goes elsewhere must not
/// wait for what he wanted before. Where it does not, that is the wrong thrift: a peer with a limit
/// divides it among those who have requests waiting, and a peer that lacks what comes next may have
/// what comes later.
package struct Famine {
    package typealias Instant = ContinuousClock.Instant

    private var until: Instant?

    /// A reader that waits for so long has too little.
    private static let patience = Duration.milliseconds(1500)
    /// It is not over before nobody has waited that long for this time.
    private static let aftermath = Duration.seconds(10)

    package init() {}

    package var isOn: Bool { until != nil }

    /// - Parameter longestWait: how long the reader that waits longest has been waiting.
    package mutating func update(longestWait: Duration, now: Instant) {
        if longestWait >= Self.patience {
            until = now + Self.aftermath
        } else if let end = until, end <= now {
            until = nil
        }
    }
}
