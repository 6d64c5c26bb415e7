/// What readers want: their reads, what they wait for, and a read-ahead that grows with proof.
///
/// Without a read nothing is wanted, and 60 s after the last one nothing is again. A protocol
/// without `open` (NFS) shows reads only, many of them in parallel and out of order, so streams are
/// inferred per reader: a read near the position of a stream continues it, another starts one. The
/// read-ahead begins with 1 MiB or a piece and doubles whenever half of it was read, so that a scan
/// of many files costs little.
package struct ReadDemand {
    package typealias Instant = ContinuousClock.Instant

    private struct Stream {
        let reader: ReaderID
        let file: Range<UInt64>
        /// Where the reads of the stream began.
        var start: UInt64
        /// The end of its furthest read.
        var position: UInt64
        var window: UInt64
        /// Bytes read on since the window last grew.
        var proven: UInt64
        var lastRead: Instant
    }

    private struct EndedWait {
        let range: Range<UInt64>
        let until: Instant
    }

    /// Most recently read last.
    private var streams: [Stream] = []
    /// In the order in which they began.
    private var waits: [(id: WaitID, range: Range<UInt64>)] = []
    private var endedWaits: [EndedWait] = []
    private let initialWindow: UInt64
    private let maximumWindow: UInt64
    /// Bytes of all read-ahead together: the share of the cache that these streams may fill.
    ///
    /// Where it is too little for all, the streams that were read last have theirs.
    package var windowBudget = UInt64.max

    /// Demand outlives the last read, and the priority of a wait the wait, by so long.
    private static let linger = Duration.seconds(60)
    private static let maximumStreams = 128
    private static let maximumStreamsPerReader = 8
    private static let maximumEndedWaits = 256
    /// Reads this far behind or ahead of a stream's position still belong to it.
    private static let reach: UInt64 = 2 << 20
    /// What a stream has read last counts as wanted at once: parallel reads are still under way.
    private static let recent: UInt64 = 4 << 20

    package init(pieceLength: UInt32) {
        initialWindow = max(1 << 20, UInt64(pieceLength))
        maximumWindow = max(32 << 20, 2 * UInt64(pieceLength))
    }

    package var isEmpty: Bool { streams.isEmpty && waits.isEmpty && endedWaits.isEmpty }

    package mutating func read(
        _ range: Range<UInt64>,
        in file: Range<UInt64>,
        by reader: ReaderID,
        now: Instant
    ) {
        let range = range.clamped(to: file)
        guard !range.isEmpty else { return }
        if let index = streams.lastIndex(where: { Self.continues($0, with: range, by: reader) }) {
            var stream = streams.remove(at: index)
            if range.upperBound > stream.position {
                stream.proven += min(
                    range.upperBound - stream.position,
                    UInt64(range.count)
                )
                stream.position = range.upperBound
            }
            stream.start = min(stream.start, range.lowerBound)
            if stream.proven >= stream.window / 2 {
                stream.proven = 0
                stream.window = min(stream.window * 2, maximumWindow)
            }
            stream.lastRead = now
            streams.append(stream)
            return
        }
        if streams.count(where: { $0.reader == reader }) == Self.maximumStreamsPerReader,
            let oldest = streams.firstIndex(where: { $0.reader == reader })
        {
            streams.remove(at: oldest)
        } else if streams.count == Self.maximumStreams {
            streams.removeFirst()
        }
        streams.append(
            Stream(
                reader: reader,
                file: file,
                start: range.lowerBound,
                position: range.upperBound,
                window: initialWindow,
                proven: 0,
                lastRead: now
            )
        )
    }

    package mutating func waitBegan(_ id: WaitID, for range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        waits.append((id, range))
    }

    /// - Parameter isSatisfied: all of its range came; else it stays wanted for a while.
    package mutating func waitEnded(_ id: WaitID, isSatisfied: Bool, now: Instant) {
        guard let index = waits.firstIndex(where: { $0.id == id }) else { return }
        let range = waits.remove(at: index).range
        guard !isSatisfied else { return }
        endedWaits.removeAll { $0.range == range }
        if endedWaits.count == Self.maximumEndedWaits { endedWaits.removeFirst() }
        endedWaits.append(EndedWait(range: range, until: now + Self.linger))
    }

    package func range(of id: WaitID) -> Range<UInt64>? {
        waits.first { $0.id == id }?.range
    }

    /// When `expire` would find something.
    package var nextExpiry: Instant? {
        let stream = streams.first.map { $0.lastRead + Self.linger }
        let wait = endedWaits.first?.until
        return [stream, wait].compactMap { $0 }.min()
    }

    /// - Returns: true if something is wanted no longer.
    package mutating func expire(now: Instant) -> Bool {
        let before = streams.count + endedWaits.count
        streams.removeAll { $0.lastRead + Self.linger <= now }
        endedWaits.removeAll { $0.until <= now }
        return streams.count + endedWaits.count != before
    }

    /// What is waited for, the oldest wait first, and what was just read.
    package var urgentRanges: [Range<UInt64>] {
        var ranges: [Range<UInt64>] = []
        ranges.reserveCapacity(waits.count + endedWaits.count + streams.count)
        for wait in waits where ranges.last != wait.range { ranges.append(wait.range) }
        for wait in endedWaits { ranges.append(wait.range) }
        for stream in streams.reversed() {
            let recent = stream.position - min(stream.position, Self.recent)
            ranges.append(max(stream.start, recent)..<stream.position)
        }
        return ranges
    }

    /// The read-ahead of each stream, the most recently read stream first.
    ///
    /// All are to be served side by side, each from its front.
    package var readAheadRanges: [Range<UInt64>] {
        var budget = windowBudget
        return streams.reversed().compactMap { stream in
            var end = stream.position + stream.window
            if stream.window > initialWindow {
                // In steps, so that not every read changes what is wanted.
                let step = stream.window / 8
                end = (end + step - 1) / step * step
            }
            end = min(end, stream.file.upperBound, stream.position.addingClamped(budget))
            guard stream.position < end else { return nil }
            budget -= end - stream.position
            return stream.position..<end
        }
    }

    private static func continues(
        _ stream: Stream,
        with range: Range<UInt64>,
        by reader: ReaderID
    ) -> Bool {
        guard stream.reader == reader else { return false }
        let ahead = max(Self.reach, min(stream.window, 8 << 20))
        return range.lowerBound + Self.reach >= stream.start
            && range.lowerBound + Self.recent >= stream.position
            && range.lowerBound <= stream.position + ahead
    }
}

extension UInt64 {
    fileprivate func addingClamped(_ other: UInt64) -> UInt64 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? .max : sum
    }
}
