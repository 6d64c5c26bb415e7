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
        /// Seconds until the block should be here if the peer goes on as it did.
        package let expectedDelay: Double
    }

    package private(set) var depth: Int
    package private(set) var pace = PeerPace()
    /// Silent for `patience`; it gets one request at a time until it delivers.
    package private(set) var isSnubbed = false

    /// Silent for longer than it should be: as good as snubbed, until it delivers.
    package private(set) var isSuspect = false

    /// In the order of requests; the part before `head` is used up.
    private var requests: [Request] = []
    private var head = 0
    private var stragglers = Stragglers()
    private var lastProgress: Instant
    private var isSlowStart = true
    /// Blocks that came since it was last silent for too long.
    private var provenCount = 0
    private var wasIdle = true
    private var maximumDepth: Int
    private let minimumDepth: Int
    private let patience: Duration

    /// Seconds of delivery that are kept in flight at least and at most.
    private static let queueSeconds = 0.25...1.0
    /// A peer that has sent nothing yet is taken to be so much slower than others.
    private static let doubt = 6.0
    private static let spareDepth = 8
    /// Requests to a peer that has sent nothing yet.
    private static let maximumFirstDepth = 6
    /// Seconds for which such a peer may let wait for its first block, but for the way.
    private static let firstPatience = 0.08
    /// Seconds by which the estimate of a suspect is worse.
    private static let suspicion = 4.0
    /// Seconds of delivery that may wait at a peer if nobody waits for them here.
    private static let patientQueueSeconds = 3.0
    /// Of what is not needed soon so many blocks are in flight, or this part of what the way to the
    /// peer and back holds, if that is more.
    private static let leisurelyDepth = 2
    private static let leisure = 4.0

    /// Second copies that are requested of a peer before its rate is known, and at least of one whose
    /// rate is.
    private static let copyCount = (first: 4, least: 1)
    /// Seconds that it spends on them.
    private static let copySeconds = 0.12

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
    package var room: Int { max(0, (isFailing ? 1 : depth) - inFlightCount) }
    /// How many more it may have of what is late elsewhere.
    package var spareRoom: Int {
        max(0, min((isFailing ? 1 : depth) + Self.spareDepth, maximumDepth) - inFlightCount)
    }

    /// How many more requests the peer should have for blocks that nobody waits for.
    ///
    /// A peer with a limit divides it among those who have requests waiting, and between two rounds of
    /// that the other requests run out. Its rate shows only then: the first blocks come in a burst, so there
    /// are no more than twice those that have come.
    package var patientRoom: Int {
        guard !isFailing, let rate else { return room }
        let blockCount = min(
            Int(rate * Self.patientQueueSeconds) / Int(Block.maximumLength),
            2 * provenCount
        )
        return max(room, min(blockCount, maximumDepth) - inFlightCount)
    }

    /// How many more requests the peer should have if there is no other to ask.
    ///
    /// On a way that loses packets what follows a lost one waits for it, so that a short queue runs out
    /// and keeps the connection from ever finding out how much the way could carry.
    package var loneRoom: Int {
        guard !isFailing, let rate else { return room }
        let blockCount = Int(rate * Self.queueSeconds.upperBound) / Int(Block.maximumLength)
        return max(room, min(blockCount, maximumDepth) - inFlightCount)
    }

    /// How many more requests the peer should have for blocks that are needed much later.
    ///
    /// What is in flight cannot be called back and delays a reader that goes elsewhere, so there is
    /// less of it than keeps the peer busy; but only once it is known what that is.
    package var leisurelyRoom: Int {
        guard !isFailing, pace.rate != nil else { return room }
        let share = pace.roundTrip / pace.blockTime / Self.leisure
        let blockCount = max(Self.leisurelyDepth, Int(min(share, Double(depth))))
        return max(0, min(blockCount, depth) - inFlightCount)
    }

    /// Of how many blocks it is to send second copies, so that it shows whether it lies.
    ///
    /// They come before what is needed next, so they are as many as it sends in a moment.
    package var copyLimit: Int {
        guard pace.rate != nil else { return Self.copyCount.first }
        return max(Self.copyCount.least, Int(Self.copySeconds / pace.blockTime))
    }

    package func contains(_ block: Block) -> Bool {
        inFlight.contains { $0.block == block }
    }

    /// Nothing that is needed soon is to be asked of it.
    package var isFailing: Bool { isSnubbed || isSuspect }
    package var rate: Double? { pace.rate }

    /// - Parameter typicalRate: of peers in this swarm, taken if this one was not measured yet; bytes
    ///   per second.
    func estimate(typicalRate: Double? = nil, now: Instant) -> DeliveryEstimate {
        var blockTime = pace.blockTime
        if !pace.hasDelivered, let typicalRate {
            blockTime = Self.doubt * Double(Block.maximumLength) / typicalRate
        }
        return DeliveryEstimate(
            response: pace.roundTrip + (pace.hasDelivered ? 0 : blockTime),
            blockTime: blockTime,
            queuedCount: inFlightCount + stragglers.count(now: now),
            penalty: isFailing ? Self.suspicion : 0
        )
    }

    /// So many blocks are wanted of it at once, and nothing is known of it yet: a few more requests are
    /// in flight than before others, so that a fast peer does not run out of them at once.
    package mutating func begin(with blockCount: Int) {
        guard !pace.hasDelivered, isEmpty, !isFailing else { return }
        depth = min(max(depth, min(blockCount, Self.maximumFirstDepth)), maximumDepth)
    }

    /// See `PeerPace.assume`.
    package mutating func assume(roundTrip: Duration) {
        pace.assume(roundTrip: roundTrip / .seconds(1))
    }

    package mutating func requested(
        _ block: Block,
        typicalRate: Double? = nil,
        now: Instant
    ) {
        if isEmpty {
            // An idle peer owed us nothing.
            lastProgress = now
            pace.becameBusy()
            wasIdle = true
        }
        requests.append(
            Request(
                block: block,
                sentAt: now,
                expectedDelay: estimate(typicalRate: typicalRate, now: now).next
            )
        )
    }

    /// - Returns: false if the block was not requested, or its request was withdrawn.
    package mutating func received(_ block: Block, now: Instant) -> Bool {
        guard let request = take(block) else { return false }
        lastProgress = now
        isSnubbed = false
        isSuspect = false
        provenCount += 1
        if isSlowStart { depth = min(depth + 1, maximumDepth) }
        let isMeasured = pace.received(
            Int(block.length),
            sentAt: request.sentAt,
            isFirst: wasIdle,
            isLast: isEmpty,
            now: now
        )
        wasIdle = false
        if isMeasured { adjustDepth() }
        return true
    }

    /// The request is cancelled, and its block may come all the same.
    ///
    /// - Returns: false if it was not in flight.
    package mutating func cancel(_ block: Block, now: Instant) -> Bool {
        guard let request = take(block) else { return false }
        stragglers.cancelled(
            expectedAt: request.sentAt + .seconds(request.expectedDelay),
            roundTrip: pace.roundTrip,
            now: now
        )
        return true
    }

    /// The block of a request came that was in flight no longer.
    package mutating func straggled(now: Instant) {
        stragglers.came()
        lastProgress = now
    }

    /// The request is void; no block is expected for it.
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
        !isEmpty && (now - lastProgress) / .seconds(1) > pace.longestSilence
    }

    /// True if the peer has never sent a block and should have: it may be one that never does.
    package func isLateWithItsFirst(now: Instant) -> Bool {
        guard !pace.hasDelivered, let first = inFlight.first else { return false }
        let delay = min(first.expectedDelay, pace.roundTrip + Self.firstPatience)
        return (now - first.sentAt) / .seconds(1) > delay
    }

    /// Nothing that is needed soon is to be asked of the peer until it delivers.
    package mutating func suspect() {
        isSuspect = true
        isSlowStart = true
        provenCount = 0
        pace.halveRate()
        depth = min(minimumDepth, maximumDepth)
    }

    /// Snubs a peer that was silent for `patience`.
    ///
    /// - Returns: the blocks to request elsewhere.
    package mutating func timerFired(now: Instant) -> [Block] {
        guard !isEmpty, now - lastProgress >= patience else { return [] }
        isSnubbed = true
        isSlowStart = true
        provenCount = 0
        depth = min(minimumDepth, maximumDepth)
        pace.forgetRate()
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

    private mutating func adjustDepth() {
        let seconds = min(
            max(2 * pace.roundTrip, Self.queueSeconds.lowerBound),
            Self.queueSeconds.upperBound
        )
        let target = Int(seconds / pace.blockTime) + 1
        if target < depth { isSlowStart = false }
        if !isSlowStart || target > depth {
            depth = min(max(target, minimumDepth), maximumDepth)
        }
    }
}
