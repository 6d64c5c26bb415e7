/// How long datagrams of one direction are under way, beyond the least that it ever took lately: the
/// time they stand in queues.
///
/// The samples are differences of two clocks, of 32 bits, that wrap.
struct UTPDelays {
    private static let minute = 60_000_000

    /// The least sample of each of the last minutes, the newest last.
    private var minutes: [UInt32] = []
    private var recent: [UInt32] = []
    private var minuteEnd = 0

    /// The least sample of the last minutes.
    private(set) var base: UInt32?

    mutating func add(_ sample: UInt32, at time: Int) {
        if recent.count >= UTPLimits.currentDelayCount { recent.removeFirst() }
        recent.append(sample)
        if let last = minutes.last, time < minuteEnd {
            if sample.isBefore(last) { minutes[minutes.count - 1] = sample }
        } else {
            minuteEnd = time + Self.minute
            if minutes.count >= UTPLimits.baseDelayMinutes { minutes.removeFirst() }
            minutes.append(sample)
        }
        base = minutes.reduce(sample) { $1.isBefore($0) ? $1 : $0 }
    }

    /// Microseconds in queues; `nil` before the first sample.
    var current: Int? {
        guard let base, var least = recent.first else { return nil }
        for sample in recent where sample.isBefore(least) { least = sample }
        return Int(least &- base)
    }

    /// The other clock turned out to run faster or slower than ours: past samples would be
    /// `offset` larger today.
    mutating func shift(by offset: UInt32) {
        for index in minutes.indices { minutes[index] &+= offset }
        base = base.map { $0 &+ offset }
        for index in recent.indices {
            guard let base, recent[index].isBefore(base) else { continue }
            recent[index] = base
        }
    }
}

extension UInt32 {
    /// Whether it comes before another on a circle of 32 bits.
    fileprivate func isBefore(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) < 0 }
}
