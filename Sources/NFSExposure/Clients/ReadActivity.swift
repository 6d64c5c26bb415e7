import VirtualTree

/// What one connection reads: the files that it has read last, each with its place and its rate.
struct ReadActivity {
    struct Entry {
        let file: any VirtualFile
        /// Behind the last byte of the latest READ.
        fileprivate(set) var offset: UInt64
        fileprivate(set) var byteCount: UInt64 = 0
        fileprivate(set) var lastRead: ContinuousClock.Instant
        fileprivate var rate: ReadRate

        func bytesPerSecond(now: ContinuousClock.Instant) -> Double { rate.value(now: now) }
    }

    /// Files that are remembered; a player has a few open, a scan reads one after another.
    private static let limit = 16

    /// The file that was read last comes first.
    private(set) var entries: [Entry] = []

    /// A READ was answered with `count` bytes.
    mutating func answered(
        _ file: any VirtualFile,
        at offset: UInt64,
        count: UInt64,
        now: ContinuousClock.Instant
    ) {
        let id = file.id
        if let place = entries.firstIndex(where: { $0.file.id == id }) {
            if place > 0 { entries.swapAt(0, place) }
        } else {
            if entries.count == Self.limit { forgetOldest() }
            let rate = ReadRate(now: now)
            entries.insert(Entry(file: file, offset: 0, lastRead: now, rate: rate), at: 0)
        }
        entries[0].offset = offset + count
        entries[0].byteCount += count
        entries[0].lastRead = now
        entries[0].rate.add(count, now: now)
    }

    private mutating func forgetOldest() {
        let oldest = entries.indices.min { entries[$0].lastRead < entries[$1].lastRead }
        if let oldest { entries.remove(at: oldest) }
    }
}

/// Bytes per second over the last seconds, in a few additions a READ.
struct ReadRate {
    private static let period = Duration.seconds(5)

    private let start: ContinuousClock.Instant
    private var periodStart: ContinuousClock.Instant
    private var current: UInt64 = 0
    private var before: UInt64 = 0

    init(now: ContinuousClock.Instant) {
        start = now
        periodStart = now
    }

    mutating func add(_ byteCount: UInt64, now: ContinuousClock.Instant) {
        if now - periodStart >= Self.period {
            let hasGap = now - periodStart >= Self.period * 2
            before = hasGap ? 0 : current
            current = 0
            periodStart = hasGap ? now : periodStart + Self.period
        }
        current += byteCount
    }

    /// Of five to ten seconds; of less while it is younger than that.
    func value(now: ContinuousClock.Instant) -> Double {
        var rate = self
        rate.add(0, now: now)
        let since = max(rate.periodStart - Self.period, start)
        // The first READs of all say nothing of the time between them.
        let seconds = max((now - since) / .seconds(1), 1)
        return Double(rate.before + rate.current) / seconds
    }
}
