import BitTorrentProtocol

/// How much a DHT node sends, and to how much of what one host sends it listens.
struct DHTRateLimit: Sendable {
    typealias Instant = ContinuousClock.Instant

    static let queriesPerSecond = 5
    /// How long a host is ignored that asks more.
    static let blockDuration = Duration.seconds(5 * 60)
    static let maximumHostCount = 1000

    private struct Source {
        var windowStart: Instant
        var queryCount = 0
        var blockedUntil: Instant?
    }

    private let bytesPerSecond: Double
    private var budget: Double
    private var refilled: Instant
    private var sources: [[UInt8]: Source] = [:]

    init(bytesPerSecond: Int, now: Instant) {
        self.bytesPerSecond = Double(bytesPerSecond)
        budget = Double(bytesPerSecond)
        refilled = now
    }

    /// Whether anything may be sent now; a packet may overdraw the budget once.
    mutating func maySend(now: Instant) -> Bool {
        let seconds = (now - refilled) / .seconds(1)
        if seconds > 0 {
            budget = min(budget + seconds * bytesPerSecond, bytesPerSecond)
            refilled = now
        }
        return budget > 0
    }

    mutating func sent(byteCount: Int) { budget -= Double(byteCount) }

    /// Whether to answer a query of this host.
    mutating func admits(_ address: PeerAddress, now: Instant) -> Bool {
        let host = address.host
        var source = sources[host] ?? Source(windowStart: now)
        if let until = source.blockedUntil {
            guard until <= now else { return false }
            source = Source(windowStart: now)
        }
        if source.windowStart.advanced(by: .seconds(1)) <= now { source = Source(windowStart: now) }
        source.queryCount += 1
        // A host behind which are many nodes gets as much as one; a local one is trusted.
        if source.queryCount > Self.queriesPerSecond, !address.isLoopback, !address.isPrivate {
            source.blockedUntil = now.advanced(by: Self.blockDuration)
        }
        if sources.count >= Self.maximumHostCount, sources[host] == nil { expire(now: now) }
        guard sources.count < Self.maximumHostCount || sources[host] != nil else { return false }
        sources[host] = source
        return source.blockedUntil == nil
    }

    mutating func expire(now: Instant) {
        sources = sources.filter { source in
            let end =
                source.value.blockedUntil ?? source.value.windowStart.advanced(by: .seconds(1))
            return now < end
        }
    }
}
