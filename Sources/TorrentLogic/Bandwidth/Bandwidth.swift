import BitTorrentProtocol

/// A rate that torrents share: what readers wait for before all else, and then a block to each in
/// turn, so that none gets more than another that needs as much.
///
/// A torrent asks (`grant`) whenever it needs something, and again after `TransferPace.patience` while
/// that is not granted in full. What falls to one that has asked and not come back yet is kept for it
/// for a second.
package struct Bandwidth<Claimant: Hashable & Sendable>: Sendable {
    package typealias Instant = ContinuousClock.Instant

    private struct Claim {
        var need: TransferNeed
        var granted = 0
        var askedAt: Instant
    }

    private var bucket: TokenBucket
    private var claims: [Claimant: Claim] = [:]
    /// Whose turn comes when; the next one first.
    private var ring: [Claimant] = []

    private static var memory: Duration { .seconds(1) }
    private static var quantum: Int { Int(Block.maximumLength) }

    /// - Parameter rate: bytes a second; 0 for no limit.
    package init(rate: Int, now: Instant) {
        bucket = TokenBucket(rate: rate, now: now)
    }

    package var isLimited: Bool { bucket.isLimited }
    package var rate: Int { bucket.rate }

    package mutating func setRate(_ rate: Int, now: Instant) {
        bucket.setRate(rate, now: now)
        if !bucket.isLimited {
            claims = [:]
            ring = []
        }
    }

    /// Asks for bytes; replaces what the claimant asked for before.
    ///
    /// - Returns: how many may be transferred now.
    package mutating func grant(
        _ need: TransferNeed,
        to claimant: Claimant,
        now: Instant
    ) -> Int {
        guard bucket.isLimited else { return need.total }
        forget(before: now - Self.memory)
        if claims[claimant] == nil {
            guard need.total > 0 else { return 0 }
            ring.append(claimant)
            claims[claimant] = Claim(need: need, askedAt: now)
        }
        claims[claimant]?.askedAt = now
        // What was kept for it counts for this need.
        let kept = claims[claimant]?.granted ?? 0
        claims[claimant]?.need = need.dropping(kept)
        share(now: now)
        guard let claim = claims[claimant] else { return 0 }
        claims[claimant]?.granted = 0
        if claim.need.total == 0 { remove(claimant) }
        let granted = min(claim.granted, need.total)
        bucket.giveBack(claim.granted - granted)
        return granted
    }

    /// What was granted and not used.
    package mutating func giveBack(_ byteCount: Int) { bucket.giveBack(byteCount) }

    /// The claimant needs nothing any more.
    package mutating func leave(_ claimant: Claimant) {
        bucket.giveBack(claims[claimant]?.granted ?? 0)
        remove(claimant)
    }

    private mutating func share(now: Instant) {
        var available = bucket.available(now: now)
        while available > 0, let index = nextInTurn() {
            let claimant = ring.remove(at: index)
            ring.append(claimant)
            guard var claim = claims[claimant] else { continue }
            let part = claim.need.urgent > 0 ? claim.need.urgent : claim.need.other
            let share = min(Self.quantum, part)
            claim.need = claim.need.dropping(share)
            claim.granted += share
            claims[claimant] = claim
            bucket.take(share)
            available -= share
        }
    }

    private func nextInTurn() -> Int? {
        ring.firstIndex { claims[$0].map { $0.need.urgent > 0 } ?? false }
            ?? ring.firstIndex { claims[$0].map { $0.need.other > 0 } ?? false }
    }

    private mutating func forget(before time: Instant) {
        for (claimant, claim) in claims where claim.askedAt < time {
            bucket.giveBack(claim.granted)
            remove(claimant)
        }
    }

    private mutating func remove(_ claimant: Claimant) {
        guard claims.removeValue(forKey: claimant) != nil else { return }
        ring.removeAll { $0 == claimant }
    }
}

extension TransferNeed {
    /// Without its most urgent `byteCount`.
    fileprivate func dropping(_ byteCount: Int) -> TransferNeed {
        let first = min(urgent, byteCount)
        return TransferNeed(urgent: urgent - first, other: max(0, other - (byteCount - first)))
    }
}
