/// The times and numbers of port mapping.
package struct PortMappingLimits: Sendable {
    /// Asked of the gateway, which may grant less: two hours (RFC 6886, section 3.3).
    package var lifetime = Duration.seconds(7200)
    /// A mapping is renewed after half its life, and no later than this: so long is a port closed at
    /// most after the gateway has lost it.
    package var longestRenewal = Duration.seconds(600)
    /// A gateway that grants a second gets no storm of renewals.
    package var shortestRenewal = Duration.seconds(15)
    /// Before the first repetition of a packet; each further wait is twice as long.
    package var firstRepetition = Duration.milliseconds(250)
    /// Packets after which a gateway is given up.
    package var attemptCount = 4
    /// Between two searches for a gateway by UPnP.
    package var searchInterval = Duration.seconds(3)
    package var searchCount = 3
    /// External ports tried by UPnP if others have the first ones.
    package var portCount = 4
    /// Before another attempt once every way has failed; each further wait is twice as long.
    package var firstRetry = Duration.seconds(60)
    package var longestRetry = Duration.seconds(3600)

    package init() {}

    func renewal(of lifetime: Duration) -> Duration {
        max(shortestRenewal, min(lifetime / 2, longestRenewal))
    }
}
