import BitTorrentProtocol

/// The largest datagram that the path carries whole, found by trying.
///
/// A trial carries data like any other. When it is lost, that says nothing of congestion, and what it
/// carried is sent again in a datagram that may be cut into fragments.
struct UTPPathMTU {
    private let maximum: Int
    /// Carried for sure.
    private var known: Int
    /// Not tried yet, or not lost.
    private var limit: Int
    /// When the search begins anew.
    private var searchAt = 0
    private var isTrying = false

    init(isIPv6: Bool) {
        maximum = UTPLimits.maximumDatagram - (isIPv6 ? 20 : 0)
        known = UTPLimits.safeDatagram
        limit = maximum
    }

    /// Bytes of payload for a segment.
    var segment: Int { known - UTPHeader.byteCount }

    /// Bytes of payload for a trial, if one is due.
    mutating func trial(at time: Int) -> Int? {
        if isTrying { return nil }
        if limit - known < UTPLimits.datagramPrecision {
            guard time >= searchAt else { return nil }
            limit = maximum
            searchAt = time + UTPLimits.datagramSearchInterval
            guard limit > known else { return nil }
        }
        isTrying = true
        // Most paths carry the most that any carries.
        return trialDatagram - UTPHeader.byteCount
    }

    private var trialDatagram: Int { limit == maximum ? limit : (known + limit + 1) / 2 }

    mutating func trialArrived() {
        guard isTrying else { return }
        isTrying = false
        known = trialDatagram
    }

    mutating func trialLost() {
        guard isTrying else { return }
        isTrying = false
        limit = trialDatagram - 1
    }

    /// Large datagrams get lost one after the other: the path may have changed.
    mutating func distrust() {
        isTrying = false
        (limit, known) = (known, UTPLimits.minimumDatagram)
    }
}
