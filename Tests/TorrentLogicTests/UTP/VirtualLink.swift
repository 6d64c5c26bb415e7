import TorrentLogic

/// One direction of a path in virtual time: a queue of limited length before a limited rate, then a
/// delay; loses, repeats and reorders at random.
struct VirtualLink {
    struct Condition: Sendable {
        var delay = Duration.milliseconds(25)
        /// Bytes in a second; `nil` is as many as there are.
        var rate: Int?
        /// Bytes that wait for their turn; more are lost.
        var queue = 256 << 10
        var loss = 0.0
        var duplication = 0.0
        var reordering = 0.0
        /// UDP payload that gets through without being cut into fragments.
        var maximumDatagram = 1472
    }

    var condition: Condition
    private var generator: SeededGenerator
    /// When all that was sent has left the queue.
    private var freeAt: ContinuousClock.Instant
    private(set) var carriedByteCount = 0

    init(_ condition: Condition, seed: UInt64, now: ContinuousClock.Instant) {
        self.condition = condition
        generator = SeededGenerator(seed: seed)
        freeAt = now
    }

    /// How long what is sent now waits for its turn.
    func queueingDelay(now: ContinuousClock.Instant) -> Duration { max(.zero, freeAt - now) }

    /// - Parameter isWhole: it must not be cut into fragments.
    /// - Returns: when the datagram arrives; more than once, or never.
    mutating func send(
        byteCount: Int,
        isWhole: Bool = false,
        now: ContinuousClock.Instant
    ) -> [ContinuousClock.Instant] {
        var arrival = now
        if let rate = condition.rate {
            let waiting = queueingDelay(now: now) / .microseconds(1) * Double(rate) / 1e6
            guard Int(waiting) + byteCount <= condition.queue else { return [] }
            freeAt = max(now, freeAt) + .microseconds(byteCount * 1_000_000 / rate)
            arrival = freeAt
        }
        let isTooLarge = isWhole && byteCount > condition.maximumDatagram
        guard !isTooLarge, !happens(condition.loss) else { return [] }
        carriedByteCount += byteCount
        arrival += condition.delay
        if happens(condition.reordering) {
            arrival += .microseconds(Int.random(in: 0...40_000, using: &generator))
        }
        guard happens(condition.duplication) else { return [arrival] }
        return [arrival, arrival + .microseconds(Int.random(in: 0...20_000, using: &generator))]
    }

    private mutating func happens(_ probability: Double) -> Bool {
        probability > 0 && Double.random(in: 0..<1, using: &generator) < probability
    }
}
