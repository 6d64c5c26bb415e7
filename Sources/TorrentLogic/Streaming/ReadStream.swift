/// One way through a file, as the reads of one reader show it.
///
/// It begins as a probe, of which nothing is wanted but what was read, and becomes sequential when
/// enough was read in one go. A younger stream of the same reader supersedes it: a seek looks like
/// that. Then nothing of it is wanted, until it is read again.
struct ReadStream {
    typealias Instant = ContinuousClock.Instant

    let id: UInt64
    let reader: ReaderID
    let file: Range<UInt64>
    /// Where its reads began.
    private(set) var start: UInt64
    /// The end of its furthest read.
    private(set) var position: UInt64
    /// Bytes ahead of `position` that are wanted; 0 for a probe.
    private(set) var window: UInt64 = 0
    /// What was read last, joined where it touches; the latest at the end.
    private(set) var recentReads: [Range<UInt64>]
    private(set) var lastRead: Instant
    private(set) var isWanted = true
    var consumption = ConsumptionRate()
    /// Reads that wait.
    var waitCount = 0

    private var readCount = 1
    private var readByteCount: UInt64
    /// Bytes read on since the window last grew.
    private var advanced: UInt64 = 0
    private var supersededAt: Instant?
    private var strayCount = 0

    /// Reads this far before its start, or ahead of its position, belong to it still.
    private static let reach: UInt64 = 2 << 20
    /// Parallel reads arrive this far behind the furthest one.
    private static let disorder: UInt64 = 4 << 20
    private static let maximumRecentReads = 8
    /// Reads that were on their way when the reader went elsewhere.
    private static let strayTime = Duration.milliseconds(200)

    init(id: UInt64, reader: ReaderID, file: Range<UInt64>, read range: Range<UInt64>, now: Instant)
    {
        self.id = id
        self.reader = reader
        self.file = file
        start = range.lowerBound
        position = range.upperBound
        recentReads = [range]
        readByteCount = UInt64(range.count)
        lastRead = now
        consumption.consumed(readByteCount, now: now)
    }

    var isSequential: Bool { window > 0 }

    func continues(with range: Range<UInt64>, by reader: ReaderID) -> Bool {
        guard self.reader == reader else { return false }
        let ahead = max(Self.reach, min(window, 2 * Self.disorder))
        return range.lowerBound + Self.reach >= start
            && range.lowerBound + Self.disorder >= position
            && range.lowerBound <= position + ahead
    }

    /// Whether a read of it passes over what parallel reads in disorder would not.
    func isSkipped(by range: Range<UInt64>) -> Bool {
        range.lowerBound > position + Self.reach
    }

    /// Whether the range was read lately.
    func holds(_ range: Range<UInt64>) -> Bool {
        recentReads.contains {
            $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound
        }
    }

    /// - Parameter largest: what the window may grow to.
    mutating func read(
        _ range: Range<UInt64>,
        _ readAhead: ReadAhead,
        largest: UInt64,
        now: Instant
    ) {
        resumeUnlessStray(now)
        lastRead = now
        readCount += 1
        remember(range)
        start = min(start, range.lowerBound)
        guard range.upperBound > position else { return }
        let progress = min(range.upperBound - position, UInt64(range.count))
        position = range.upperBound
        consumption.consumed(progress, now: now)
        readByteCount += progress
        advanced += progress
        grow(readAhead, largest: largest)
    }

    /// A stream proves itself by its first read if that is long.
    mutating func grow(_ readAhead: ReadAhead, largest: UInt64) {
        if window == 0 {
            let isProof =
                readCount > 1
                ? readByteCount > ReadAhead.proof.severalReads
                : readByteCount >= ReadAhead.proof.oneRead
            guard isProof else { return }
            open(readAhead)
        } else if advanced >= window / 2 {
            window = min(window * 2, largest)
            advanced = 0
        } else {
            window = min(window, largest)
        }
    }

    /// Somebody who has read on elsewhere in the file will do so here.
    mutating func open(_ readAhead: ReadAhead) {
        window = readAhead.first
        advanced = 0
    }

    /// - Returns: false if nothing is read ahead, or so much already.
    mutating func widen(to largest: UInt64) -> Bool {
        guard isWanted, isSequential, window < largest else { return false }
        window = largest
        return true
    }

    /// The reader went elsewhere.
    mutating func supersede(now: Instant) {
        guard isWanted else { return }
        isWanted = false
        supersededAt = now
        strayCount = 0
        recentReads.removeAll()
    }

    /// Nobody has read it for a while; where it was is remembered.
    mutating func rest() {
        isWanted = false
        supersededAt = nil
        recentReads.removeAll()
    }

    /// What is to be fetched ahead of its reads.
    func readAheadRange(_ readAhead: ReadAhead) -> Range<UInt64> {
        let piece = readAhead.pieceLength
        var end = position + window
        if window == 0 {
            // The rest of the piece comes with it, or is about to be read; no piece more.
            if !readAhead.comesInBlocks || readCount > 1 && readByteCount > ReadAhead.glance {
                end = (position + piece - 1) / piece * piece
            }
        } else if window > readAhead.first {
            // In steps, so that not every read changes what is wanted.
            let step = window / 8
            end = (end + step - 1) / step * step
        }
        return position..<max(position, min(end, file.upperBound))
    }

    private mutating func resumeUnlessStray(_ now: Instant) {
        guard !isWanted else { return }
        if let supersededAt, now - supersededAt < Self.strayTime {
            strayCount += 1
            guard strayCount > 1 else { return }
        }
        isWanted = true
        supersededAt = nil
    }

    private mutating func remember(_ range: Range<UInt64>) {
        guard isWanted else { return }
        var joined = range
        recentReads.removeAll { other in
            guard other.lowerBound <= joined.upperBound, joined.lowerBound <= other.upperBound
            else {
                return false
            }
            joined =
                min(
                    other.lowerBound,
                    joined.lowerBound
                )..<max(
                    other.upperBound,
                    joined.upperBound
                )
            return true
        }
        let oldest = joined.upperBound - min(joined.upperBound, Self.disorder)
        recentReads.append(max(joined.lowerBound, oldest)..<joined.upperBound)
        if recentReads.count > Self.maximumRecentReads { recentReads.removeFirst() }
    }
}
