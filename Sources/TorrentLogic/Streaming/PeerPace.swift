import BitTorrentProtocol

/// How soon one peer answers and how fast it delivers, as measured.
///
/// What a peer could deliver shows only while it has more to send than the way to it holds. A block that
/// came as soon as it could says nothing of the rate, nor does the time between two blocks unless the
/// request for the second had reached the peer before it had sent the first. So the rate of a peer that
/// was asked for little stays what it was. In seconds, because it is asked for several times with every
/// block.
package struct PeerPace {
    package typealias Instant = ContinuousClock.Instant

    /// Bytes per second while it had a queue; `nil` until measured.
    package private(set) var rate: Double? {
        didSet { blockTime = Double(Block.maximumLength) / max(rate ?? Self.assumedRate, 1) }
    }
    /// For one block, in seconds.
    package private(set) var blockTime = Double(Block.maximumLength) / Self.assumedRate
    /// From a request to an idle peer to its first block, in seconds; no longer than what any block took
    /// lately.
    package private(set) var roundTrip = Self.assumedRoundTrip
    /// Something came from it.
    package private(set) var hasDelivered = false
    private var isRoundTripAssumed = false

    private var lastArrival: Instant?
    private var sampleStart: Instant?
    private var sampleByteCount = 0

    package static let assumedRate = 128.0 * 1024
    private static let assumedRoundTrip = 0.3
    private static let sampleLength = Duration.milliseconds(100)
    /// A shorter sample is not one: blocks arrive in bursts.
    private static let shortestSample = Duration.milliseconds(20)
    private static let sampleWeight = 0.3
    /// Seconds by which the clock and the loop are out.
    private static let tolerance = 0.001

    package init() {}

    /// What the time until it was connected, or until it unchoked us, says of the round trip: it is no
    /// longer than that.
    ///
    /// Of no account once something came.
    package mutating func assume(roundTrip seconds: Double) {
        guard !hasDelivered else { return }
        isRoundTripAssumed = true
        roundTrip = min(roundTrip, max(seconds, 0.005))
    }

    /// A request was made, and none was in flight.
    package mutating func becameBusy() {
        sampleStart = nil
        lastArrival = nil
    }

    /// A block came.
    ///
    /// - Parameters:
    ///   - sentAt: when it was requested.
    ///   - isFirst: it was requested of an idle peer.
    ///   - isLast: nothing else is in flight.
    /// - Returns: whether there is a new rate.
    package mutating func received(
        _ byteCount: Int,
        sentAt: Instant,
        isFirst: Bool,
        isLast: Bool,
        now: Instant
    ) -> Bool {
        let seconds = (now - sentAt) / .seconds(1)
        if isFirst {
            if hasDelivered {
                roundTrip = min(seconds, roundTrip * 9 / 8)
            } else {
                // What is not the way is taken to be the sending, until the rate shows.
                let way = isRoundTripAssumed ? min(roundTrip, seconds) : seconds / 2
                blockTime = max(seconds - way, 0.000_1)
                roundTrip = seconds
            }
            hasDelivered = true
        } else if seconds < roundTrip {
            // The first block was held up, or this one answers an older request.
            roundTrip = max(seconds, roundTrip * 7 / 8)
        }
        hasDelivered = true
        defer { lastArrival = now }
        guard let start = sampleStart, let lastArrival, !isFirst,
            seconds > 1.1 * roundTrip + Self.tolerance,
            (lastArrival - sentAt) / .seconds(1) > way
        else {
            sampleStart = now
            sampleByteCount = 0
            return false
        }
        sampleByteCount += byteCount
        let length = now - start
        // The first impression counts at once: how much to ask of the peer depends on it.
        let isEnough = length >= (rate == nil ? Self.shortestSample : Self.sampleLength)
        guard isEnough || isLast else { return false }
        defer {
            sampleStart = now
            sampleByteCount = 0
        }
        guard length >= Self.shortestSample else { return false }
        let sample = Double(sampleByteCount) / (length / .seconds(1))
        let weight = Self.sampleWeight * min(1, length / Self.sampleLength)
        rate = rate.map { $0 + weight * (sample - $0) } ?? sample
        return true
    }

    /// From a request until its block could be on its way here, in seconds; at least half of the round
    /// trip, since the time for a block may be overestimated.
    private var way: Double { max(roundTrip - blockTime, roundTrip / 2) }

    /// It did not deliver when it should have: what was measured before was too much.
    package mutating func halveRate() { rate = rate.map { $0 / 2 } }

    /// It delivers no more: what it did says nothing of what it will do.
    package mutating func forgetRate() { rate = nil }

    /// Owing blocks it is never silent for longer if it is well, in seconds.
    package var longestSilence: Double {
        hasDelivered
            ? max(0.5, 4 * roundTrip, roundTrip + 4 * blockTime) : max(0.4, 4 * roundTrip)
    }
}
