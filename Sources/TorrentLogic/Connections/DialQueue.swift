package import BitTorrentProtocol

/// Which dials of all torrents begin when: so many at a time, so many a second, a torrent after the
/// other.
package struct DialQueue<Owner: Hashable & Sendable>: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package struct Dial: Equatable, Sendable {
        package let owner: Owner
        package let address: PeerAddress
    }

    private var limits: ConnectionLimits
    private var bucket: TokenBucket
    private var waiting: [Owner: [PeerAddress]] = [:]
    /// Owners that wait; the one whose turn it is first.
    private var ring: [Owner] = []
    private var underWay: [Owner: Int] = [:]
    /// No dial begins before.
    private var pausesUntil: Instant?

    package init(limits: ConnectionLimits, now: Instant) {
        self.limits = limits
        bucket = TokenBucket(
            rate: limits.dialsPerSecond,
            capacity: ConnectionLimits.dialVolley,
            now: now
        )
    }

    package var underWayCount: Int { underWay.values.reduce(0, +) }
    package var waitingCount: Int { waiting.values.reduce(0) { $0 + $1.count } }

    package mutating func setLimits(_ limits: ConnectionLimits, now: Instant) {
        self.limits = limits
        bucket.setRate(limits.dialsPerSecond, capacity: ConnectionLimits.dialVolley, now: now)
    }

    /// A torrent wants to dial; `takeReady` says when it may.
    package mutating func enqueue(_ address: PeerAddress, for owner: Owner) {
        if waiting[owner] == nil { ring.append(owner) }
        waiting[owner, default: []].append(address)
    }

    /// There is nothing to dial with until then.
    package mutating func pause(until instant: Instant) { pausesUntil = instant }

    /// The dials that may begin now.
    package mutating func takeReady(now: Instant) -> [Dial] {
        if let pausesUntil, now < pausesUntil { return [] }
        var dials: [Dial] = []
        var room = limits.halfOpen - underWayCount
        while room > 0, bucket.available(now: now) > 0, !ring.isEmpty {
            let owner = ring.removeFirst()
            guard let address = waiting[owner]?.first else { continue }
            waiting[owner]?.removeFirst()
            if waiting[owner]?.isEmpty == true {
                waiting[owner] = nil
            } else {
                ring.append(owner)
            }
            bucket.take(1)
            underWay[owner, default: 0] += 1
            room -= 1
            dials.append(Dial(owner: owner, address: address))
        }
        return dials
    }

    /// A torrent has begun a dial that could not wait; it counts as one of those under way.
    package mutating func began(for owner: Owner) { underWay[owner, default: 0] += 1 }

    /// A dial has connected or failed.
    package mutating func ended(for owner: Owner) {
        guard let count = underWay[owner] else { return }
        underWay[owner] = count > 1 ? count - 1 : nil
    }

    /// The owner is gone, and with it what it waited for.
    package mutating func drop(_ owner: Owner) {
        waiting[owner] = nil
        ring.removeAll { $0 == owner }
        underWay[owner] = nil
    }

    /// When `takeReady` may have something, unless a dial ends before.
    package func nextDeadline(now: Instant) -> Instant? {
        guard !ring.isEmpty, underWayCount < limits.halfOpen else { return nil }
        let next = bucket.nextToken(now: now)
        guard let pausesUntil, now < pausesUntil else { return next }
        return max(next, pausesUntil)
    }
}
