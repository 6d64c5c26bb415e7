import BitTorrentProtocol

/// Every number that bounds a uTP connection, in one place.
///
/// Times are microseconds.
package enum UTPLimits {
    // MARK: Congestion (BEP 29, RFC 6817)

    /// Delay that a connection adds to the queue before it, at most, to have its share.
    package static let targetDelay = 100_000
    /// Bytes by which the congestion window grows in a round trip, at most.
    static let windowGain = 3000.0
    /// Segments that the congestion window holds at first (RFC 6928 allows ten).
    static let initialWindow = 4
    static let minimumWindow = 2
    package static let maximumWindow = 8 << 20
    /// Delay samples of which the least counts.
    static let currentDelayCount = 4
    /// Minutes for which the least delay is remembered.
    static let baseDelayMinutes = 10
    /// A clock that seems to have gone by more than this at once was set, or lies.
    static let maximumClockStep = 10_000

    // MARK: Loss

    static let initialTimeout = 1_000_000
    package static let minimumTimeout = 500_000
    static let maximumTimeout = 16_000_000
    /// Timeouts in a row after which the peer is gone.
    package static let maximumTimeouts = 6
    /// The same, once we have said goodbye.
    static let maximumFarewellTimeouts = 4
    /// First datagrams sent in vain after which the peer cannot be reached.
    package static let maximumGreetings = 3
    /// Later datagrams that came while one did not, after which it is lost.
    static let reorderTolerance: UInt64 = 3
    /// What a peer may wait before it acknowledges, at most, beyond the round trip.
    static let acknowledgementSlack = 25_000
    /// Until the window of a peer that takes nothing is tried again.
    static let windowProbeInterval = 1_000_000
    static let maximumWindowProbeInterval = 15_000_000

    // MARK: Receiving

    /// Bytes that have come and that the owner has not taken, and those beyond a gap.
    package static let receiveWindow = 1 << 20
    /// Datagrams beyond the first missing one that are kept: as many as an acknowledgement can name.
    static let maximumEarly = UTPSelectiveAck.maximumBitCount
    /// Datagrams that came in order after which one is acknowledged at once.
    static let acknowledgedAtOnce = 2
    static let acknowledgementDelay = 10_000

    // MARK: Sending

    /// Datagrams that are not acknowledged, at most: a quarter of the numbers there are.
    package static let maximumUnacknowledged = 1 << 14

    // MARK: Size of a datagram (payload of UDP)

    /// IPv4 hosts take 576 bytes (RFC 791).
    package static let minimumDatagram = 548
    /// IPv6 links carry 1280 bytes (RFC 8200), and IPv4 ones that do not are hardly met.
    package static let safeDatagram = 1232
    /// An Ethernet frame of 1500 bytes over IPv4; over IPv6 20 less.
    package static let maximumDatagram = 1472
    /// The search for the largest datagram ends when so little can be gained.
    static let datagramPrecision = 16
    /// Until the search begins anew: paths change.
    static let datagramSearchInterval = 600_000_000
}
