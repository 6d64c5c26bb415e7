package import BitTorrentProtocol

/// The blocks requested from one peer and not yet received.
///
/// Keeps as many requests in flight as the peer delivers in twice its round trip, so that it never
/// waits for us, and no more, because what stands in its send buffer cannot be called back. The
/// depth starts small and grows with every block until the measured rate says otherwise.
package struct RequestPipeline {
    package typealias Instant = ContinuousClock.Instant

    package struct Request: Equatable, Sendable {
        package let block: Block
        package let sentAt: Instant
        /// When the block should be here if the peer goes on as it did.
        package let expectedAt: Instant
        /// When the block is late enough to be requested from another peer too.
        package let lateAt: Instant
    }

    package private(set) var depth: Int
    /// Bytes per second while requests were in flight; `nil` until measured.
    package private(set) var rate: Double?
    /// From a request to an idle peer to its first block; `nil` until measured.
    package private(set) var roundTrip: Duration?
    /// Silent for `patience`; it gets one request at a time until it delivers.
    package private(set) var isSnubbed = false

    /// In the order of requests; the part before `head` is used up.
    private var requests: [Request] = []
    private var head = 0
    private var lastProgress: Instant
    private var isSlowStart = true
    private var sampleStart: Instant
    private var sampleByteCount = 0
    private var wasIdle = true
    private var maximumDepth: Int
    private let minimumDepth: Int
    private let patience: Duration

    private static let assumedRoundTrip = Duration.milliseconds(300)
    private static let assumedRate = 128.0 * 1024
    private static let sampleLength = Duration.milliseconds(100)

    /// - Precondition: `maximumDepth` is positive.
    package init(
        maximumDepth: Int,
        initialDepth: Int = 4,
        minimumDepth: Int = 2,
        patience: Duration,
        now: Instant
    ) {
        precondition(maximumDepth > 0)
        self.maximumDepth = maximumDepth
        self.minimumDepth = minimumDepth
        self.patience = patience
        depth = min(initialDepth, maximumDepth)
        lastProgress = now
        sampleStart = now
    }

    /// The peer keeps no more requests than this waiting.
    ///
    /// - Precondition: `maximumDepth` is positive.
    package mutating func limit(to maximumDepth: Int) {
        precondition(maximumDepth > 0)
        self.maximumDepth = maximumDepth
        depth = min(depth, maximumDepth)
    }

    package var inFlight: ArraySlice<Request> { requests[head...] }
    package var inFlightCount: Int { requests.count - head }
    package var isEmpty: Bool { requests.count == head }
    /// How many more requests the peer should have now.
    package var room: Int { max(0, (isSnubbed ? 1 : depth) - inFlightCount) }

    package func contains(_ block: Block) -> Bool {
        inFlight.contains { $0.block == block }
    }

    /// How long a block requested now would take.
    package var predictedDelay: Duration {
        let bytes = Double((inFlightCount + 1) * Int(Block.maximumLength))
        return (roundTrip ?? Self.assumedRoundTrip) + .seconds(bytes / (rate ?? Self.assumedRate))
    }

    package mutating func requested(_ block: Block, now: Instant) {
        if isEmpty {
            // An idle peer owed us nothing.
            lastProgress = now
            sampleStart = now
            sampleByteCount = 0
            wasIdle = true
        }
        let delay = predictedDelay
        requests.append(
            Request(
                block: block,
                sentAt: now,
                expectedAt: now + delay,
                lateAt: now + max(.milliseconds(500), delay * 2)
            )
        )
    }

    /// - Returns: false if the block was not requested, or its request was withdrawn.
    package mutating func received(_ block: Block, now: Instant) -> Bool {
        guard let request = take(block) else { return false }
        if wasIdle {
            wasIdle = false
            let sample = now - request.sentAt
            roundTrip = roundTrip.map { min(sample, $0 + $0 / 8) } ?? sample
        }
        lastProgress = now
        isSnubbed = false
        sampleByteCount += Int(block.length)
        if isSlowStart { depth = min(depth + 1, maximumDepth) }
        if now - sampleStart >= Self.sampleLength { measure(now: now) }
        return true
    }

    /// The request was cancelled; no block is expected for it.
    ///
    /// - Returns: false if it was not in flight.
    package mutating func withdraw(_ block: Block) -> Bool { take(block) != nil }

    /// The peer choked us or is given up: all requests are void.
    package mutating func giveBack() -> [Block] {
        defer {
            requests.removeAll(keepingCapacity: true)
            head = 0
        }
        return inFlight.map(\.block)
    }

    /// True if the peer owes blocks and has sent none for longer than it ever should.
    package func isSilent(now: Instant) -> Bool {
        guard !isEmpty else { return false }
        let blockTime = Duration.seconds(Double(Block.maximumLength) / (rate ?? Self.assumedRate))
        let trip = roundTrip ?? Self.assumedRoundTrip
        return now - lastProgress > max(.seconds(1), trip * 4, blockTime * 8)
    }

    /// Snubs a peer that was silent for `patience`.
    ///
    /// - Returns: the blocks to request elsewhere.
    package mutating func timerFired(now: Instant) -> [Block] {
        guard !isEmpty, now - lastProgress >= patience else { return [] }
        isSnubbed = true
        isSlowStart = true
        depth = min(minimumDepth, maximumDepth)
        rate = nil
        return giveBack()
    }

    private mutating func take(_ block: Block) -> Request? {
        guard let index = requests[head...].firstIndex(where: { $0.block == block }) else {
            return nil
        }
        let request = requests[index]
        if index == head {
            head += 1
            // Blocks mostly come in the order of their requests: the used-up front is dropped only
            // now and then.
            if head >= 64, head * 2 >= requests.count {
                requests.removeFirst(head)
                head = 0
            }
        } else {
            requests.remove(at: index)
        }
        return request
    }

    private mutating func measure(now: Instant) {
        let sample = Double(sampleByteCount) / ((now - sampleStart) / .seconds(1))
        let smoothed = rate.map { $0 + 0.3 * (sample - $0) } ?? sample
        rate = smoothed
        sampleStart = now
        sampleByteCount = 0
        let queueTime = min(max((roundTrip ?? .zero) * 2, .milliseconds(250)), .seconds(1))
        let target = Int(smoothed * (queueTime / .seconds(1))) / Int(Block.maximumLength) + 1
        if isSlowStart, target * 2 < depth { isSlowStart = false }
        if !isSlowStart || target > depth {
            depth = min(max(target, minimumDepth), maximumDepth)
        }
    }
}
