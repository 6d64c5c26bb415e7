/// What readers want and by when: their reads, what they wait for, and a read-ahead that grows with
/// proof.
///
/// Without a read nothing is wanted, and a minute after the last one nothing is again. A protocol
/// without `open` (NFS) shows reads only, many of them in parallel and out of order, so streams are
/// inferred per reader: a read near the position of a stream continues it, another starts one, which
/// supersedes those the reader had. One that is read again all the same is wanted again, so that
/// several streams live side by side in one file.
///
/// Every wanted byte has a deadline. What is waited for is needed at once, each stream's first bytes
/// before the further ones of any; what lies ahead, when the reader will be there at the rate at
/// which it consumes. So a reader that copies as fast as it can leaves one that plays its due.
package struct ReadDemand {
    package typealias Instant = ContinuousClock.Instant

    private struct Wait {
        let id: WaitID
        let range: Range<UInt64>
        let stream: UInt64?
        let beganAt: Instant
    }

    private struct EndedWait {
        let range: Range<UInt64>
        let until: Instant
    }

    /// Most recently read last.
    private var streams: [ReadStream] = []
    /// In the order in which they began.
    private var waits: [Wait] = []
    private var endedWaits: [EndedWait] = []
    private var lastStreamID: UInt64 = 0
    private var readAhead: ReadAhead
    /// Something is not wanted any more since `takeWithdrawal`.
    private var isWithdrawn = false
    private var hasJumped = false

    /// What the swarm delivers, bytes per second; `nil` if unknown.
    package var capacity: Double?

    /// The read-ahead outlives the last read by so long.
    private static let linger = Duration.seconds(60)
    /// A stream is remembered for so long at least: a paused player goes on where it was.
    private static let memory = Duration.seconds(300)
    /// The priority of a wait outlives the wait by so long: the client asks again.
    private static let waitLinger = Duration.seconds(60)
    private static let maximumStreams = 128
    private static let maximumStreamsPerReader = 8
    private static let maximumEndedWaits = 256
    /// What is wanted next comes so soon at the latest, in seconds.
    private static let nextLead = 1.0
    /// Who went elsewhere waits so much longer for what it has asked for before, in seconds.
    private static let supersededLead = 0.5
    /// Streams are taken to consume so much at least when their deadlines are set, bytes per second.
    private static let assumedCapacity = 1.25e6

    /// - Parameter comesInBlocks: blocks are verified by themselves (BEP 52), so that a piece that is
    ///   looked at need not come whole.
    package init(pieceLength: UInt32, comesInBlocks: Bool = false) {
        readAhead = ReadAhead(pieceLength: pieceLength, comesInBlocks: comesInBlocks)
    }

    package var isEmpty: Bool { streams.isEmpty && waits.isEmpty && endedWaits.isEmpty }

    /// Bytes of all read-ahead together: the share of the cache that these streams may fill.
    ///
    /// Where it is too little for all, the streams that were read last have theirs.
    package var windowBudget: UInt64 {
        get { readAhead.budget }
        set { readAhead.budget = newValue }
    }

    // MARK: Reads

    package mutating func read(
        _ range: Range<UInt64>,
        in file: Range<UInt64>,
        by reader: ReaderID,
        now: Instant
    ) {
        let range = range.clamped(to: file)
        guard !range.isEmpty else { return }
        if let index = streams.lastIndex(where: { $0.continues(with: range, by: reader) }) {
            isWithdrawn = isWithdrawn || streams[index].isSkipped(by: range)
            streams[index].read(range, readAhead, largest: largestWindow(of: index), now: now)
            if index < streams.count - 1 { streams.append(streams.remove(at: index)) }
            return
        }
        var isProved = false
        for index in streams.indices where streams[index].reader == reader {
            isWithdrawn = isWithdrawn || streams[index].isWanted
            isProved = isProved || streams[index].isSequential
            streams[index].supersede(now: now)
        }
        makeRoom(for: reader)
        lastStreamID += 1
        streams.append(
            ReadStream(id: lastStreamID, reader: reader, file: file, read: range, now: now)
        )
        let index = streams.count - 1
        if isProved {
            streams[index].open(readAhead)
        } else {
            streams[index].grow(readAhead, largest: largestWindow(of: index))
        }
        hasJumped = true
    }

    private mutating func makeRoom(for reader: ReaderID) {
        if streams.count(where: { $0.reader == reader }) == Self.maximumStreamsPerReader,
            let oldest = streams.firstIndex(where: { $0.reader == reader })
        {
            streams.remove(at: oldest)
        } else if streams.count == Self.maximumStreams {
            isWithdrawn = isWithdrawn || streams[0].isWanted
            streams.removeFirst()
        }
    }

    private func largestWindow(of index: Int) -> UInt64 {
        readAhead.largestWindow(
            rate: streams[index].consumption.bytesPerSecond,
            capacity: capacity,
            streamCount: streams.count { $0.isWanted && $0.isSequential }
        )
    }

    /// Wants more ahead of readers who wait for what comes too slowly: peers that lack what comes next
    /// may have that.
    ///
    /// - Returns: whether more is wanted than before.
    package mutating func widen() -> Bool {
        var isWider = false
        for index in streams.indices where streams[index].waitCount > 0 {
            isWider = streams[index].widen(to: largestWindow(of: index)) || isWider
        }
        return isWider
    }

    /// The client reads no more: nothing is wanted for it.
    package mutating func left(_ client: UInt64) {
        let gone = Set(streams.lazy.filter { $0.reader.client == client }.map(\.id))
        guard !gone.isEmpty else { return }
        isWithdrawn = true
        streams.removeAll { gone.contains($0.id) }
    }

    // MARK: Waits

    package mutating func waitBegan(_ id: WaitID, for range: Range<UInt64>, now: Instant) {
        guard !range.isEmpty else { return }
        let index = streams.lastIndex { $0.holds(range) }
        if let index {
            streams[index].waitCount += 1
            streams[index].consumption.waitBegan(now: now)
        }
        waits.append(Wait(id: id, range: range, stream: index.map { streams[$0].id }, beganAt: now))
    }

    /// - Parameter isSatisfied: all of its range came; else it stays wanted for a while.
    package mutating func waitEnded(_ id: WaitID, isSatisfied: Bool, now: Instant) {
        guard let index = waits.firstIndex(where: { $0.id == id }) else { return }
        let wait = waits.remove(at: index)
        if let stream = wait.stream.flatMap({ id in streams.lastIndex { $0.id == id } }) {
            streams[stream].waitCount -= 1
            streams[stream].consumption.waitEnded(now: now)
        }
        guard !isSatisfied else { return }
        endedWaits.removeAll { $0.range == wait.range }
        if endedWaits.count == Self.maximumEndedWaits { endedWaits.removeFirst() }
        endedWaits.append(EndedWait(range: wait.range, until: now + Self.waitLinger))
    }

    package func range(of id: WaitID) -> Range<UInt64>? {
        waits.first { $0.id == id }?.range
    }

    /// Whether a reader is waiting.
    package var isWaitedFor: Bool { !waits.isEmpty }

    /// How long the reader that waits longest has been waiting.
    package func longestWait(now: Instant) -> Duration {
        waits.first.map { now - $0.beganAt } ?? .zero
    }

    // MARK: The end of demand

    /// When `expire` would find something.
    package var nextExpiry: Instant? {
        var next = endedWaits.first?.until
        for stream in streams where !isResting(stream) {
            let end = stream.lastRead + Self.linger
            next = next.map { min($0, end) } ?? end
        }
        return next
    }

    /// - Returns: true if something is wanted no longer.
    package mutating func expire(now: Instant) -> Bool {
        var isChanged = false
        for index in streams.indices
        where !isResting(streams[index]) && streams[index].lastRead + Self.linger <= now {
            streams[index].rest()
            isChanged = true
        }
        streams = streams.filter { !isResting($0) || $0.lastRead + Self.memory > now }
        let count = endedWaits.count
        endedWaits.removeAll { $0.until <= now }
        isChanged = isChanged || endedWaits.count != count
        isWithdrawn = isWithdrawn || isChanged
        return isChanged
    }

    /// Whether time takes nothing from it but the memory of it.
    private func isResting(_ stream: ReadStream) -> Bool {
        !stream.isWanted || stream.waitCount > 0
    }

    /// Whether something that was wanted is not any more, since the last call.
    package mutating func takeWithdrawal() -> Bool {
        defer { isWithdrawn = false }
        return isWithdrawn
    }

    /// Whether a reader went to a place where none was, since the last call.
    package mutating func takeJump() -> Bool {
        defer { hasJumped = false }
        return hasJumped
    }

    // MARK: What is wanted

    /// What is wanted, and when.
    ///
    /// Of segments that begin at once the one that was asked for first comes first.
    package var segments: [DemandSegment] {
        var segments: [DemandSegment] = []
        segments.reserveCapacity(waits.count + endedWaits.count + 2 * streams.count)
        // Faster than the swarm delivers nobody reads.
        let capacity = max(capacity ?? Self.assumedCapacity, Self.assumedCapacity)
        appendWaits(to: &segments, capacity: capacity)
        for (stream, window) in windows {
            // What was read and nobody waits for has been delivered, and takes no time.
            let lead =
                stream.waitCount == 0
                ? nil
                : segments.last { $0.range.upperBound == stream.position }
                    .map { $0.lead(of: stream.position) }
            let rate = min(stream.consumption.bytesPerSecond, capacity)
            let next = min(window.upperBound, stream.position + readAhead.next)
            segments.append(
                DemandSegment(
                    range: window.lowerBound..<next,
                    lead: lead ?? 0,
                    rate: rate,
                    longestLead: Self.nextLead,
                    isUrgent: false
                )
            )
            guard next < window.upperBound else { continue }
            segments.append(
                DemandSegment(
                    range: next..<window.upperBound,
                    lead: (lead ?? 0) + Double(next - window.lowerBound) / rate,
                    rate: rate,
                    isUrgent: false
                )
            )
        }
        return segments
    }

    /// What is waited for, and what was just read.
    package var urgentRanges: [Range<UInt64>] {
        waits.map(\.range) + endedWaits.map(\.range)
            + streams.reversed().filter(\.isWanted).flatMap(\.recentReads)
    }

    /// The read-ahead of each stream, the most recently read stream first.
    package var readAheadRanges: [Range<UInt64>] { windows.map(\.range) }

    private var windows: [(stream: ReadStream, range: Range<UInt64>)] {
        var budget = readAhead.budget
        return streams.reversed().compactMap { stream in
            guard stream.isWanted else { return nil }
            let range = stream.readAheadRange(readAhead).prefix(budget)
            guard !range.isEmpty else { return nil }
            budget -= UInt64(range.count)
            return (stream, range)
        }
    }

    /// The reads of a stream that wait or came last, front to back, each stream's first at once.
    private func appendWaits(to segments: inout [DemandSegment], capacity: Double) {
        var byStream: [UInt64: [Range<UInt64>]] = [:]
        var order: [UInt64] = []
        for wait in waits {
            guard let stream = wait.stream else {
                segments.append(urgent(wait.range, lead: 0, capacity))
                continue
            }
            if byStream[stream, default: []].isEmpty { order.append(stream) }
            byStream[stream, default: []].append(wait.range)
        }
        // What was read and is not here is waited for in a moment.
        for stream in streams.reversed()
        where !stream.recentReads.isEmpty && byStream[stream.id] == nil {
            order.append(stream.id)
            byStream[stream.id] = stream.recentReads
        }
        for id in order {
            let isWanted = streams.last { $0.id == id }?.isWanted ?? false
            var lead = isWanted ? 0 : Self.supersededLead
            var end: UInt64 = 0
            let ranges = (byStream[id] ?? []).sorted {
                ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound)
            }
            for range in ranges where range.upperBound > end {
                let rest = max(end, range.lowerBound)..<range.upperBound
                segments.append(urgent(rest, lead: lead, capacity))
                lead += Double(rest.count) / capacity
                end = range.upperBound
            }
        }
        for wait in endedWaits { segments.append(urgent(wait.range, lead: 0, capacity)) }
    }

    private func urgent(_ range: Range<UInt64>, lead: Double, _ rate: Double) -> DemandSegment {
        DemandSegment(range: range, lead: lead, rate: rate, isUrgent: true)
    }
}

extension Range<UInt64> {
    fileprivate func prefix(_ byteCount: UInt64) -> Range {
        lowerBound..<lowerBound + Swift.min(byteCount, upperBound - lowerBound)
    }
}
