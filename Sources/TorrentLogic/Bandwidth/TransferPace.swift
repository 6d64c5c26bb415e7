/// The limits of one torrent by itself, and how it asks for its part of what all torrents share.
package struct TransferPace: Sendable {
    package typealias Instant = ContinuousClock.Instant

    private var download: TokenBucket
    private var upload: TokenBucket
    /// When to ask again for what was not granted.
    package private(set) var askAgainAt: Instant?

    /// Time after which to ask again.
    static let patience = Duration.milliseconds(50)
    /// A block passes whole.
    private static let leastShare = 16 << 10

    package init(rates: TransferRates, now: Instant) {
        download = TokenBucket(rate: rates.download, now: now)
        upload = TokenBucket(rate: rates.upload, now: now)
    }

    package var rates: TransferRates {
        TransferRates(download: download.rate, upload: upload.rate)
    }

    package mutating func setRates(_ rates: TransferRates, now: Instant) {
        download.setRate(rates.download, now: now)
        upload.setRate(rates.upload, now: now)
    }

    package mutating func begin(now: Instant) {
        if let askAgainAt, askAgainAt <= now { self.askAgainAt = nil }
    }

    /// How much of what the swarm needs is granted now.
    ///
    /// - Parameter ask: takes what the torrent's own limit leaves from what all torrents share.
    package mutating func grant(
        _ need: TransferNeed,
        _ direction: TransferDirection,
        now: Instant,
        ask: (TransferNeed) -> Int
    ) -> Int {
        guard need.total > 0 else { return 0 }
        let own = direction == .download ? download.available(now: now) : upload.available(now: now)
        let allowed = own > 0 ? need.prefix(max(own, Self.leastShare)) : TransferNeed()
        let granted = allowed.total > 0 ? ask(allowed) : 0
        if direction == .download { download.take(granted) } else { upload.take(granted) }
        if granted < need.total { askAgainAt = askAgainAt ?? now + Self.patience }
        return granted
    }

    /// What was granted and not used.
    package mutating func giveBack(_ byteCount: Int, _ direction: TransferDirection) {
        if direction == .download {
            download.giveBack(byteCount)
        } else {
            upload.giveBack(byteCount)
        }
    }
}
