/// What a reader does next.
enum ReaderAction {
    /// - range: of the file.
    case read(Range<UInt64>, file: Int, tag: Int)
    case wake(at: VirtualTime)
}

/// A client that reads files: told the time and what was answered, it says what it reads next.
protocol ScriptedReader {
    /// It has read what it set out to.
    var isFinished: Bool { get }
    /// What it saw.
    var record: ReaderRecord { get }
    mutating func woken(now: VirtualTime) -> [ReaderAction]
    mutating func answered(
        _ range: Range<UInt64>,
        tag: Int,
        now: VirtualTime
    ) -> [ReaderAction]
}

/// What a reader is to do.
package enum ReaderScript: Sendable {
    case player(PlayerScript)
    case stepPlayer(StepPlayerScript)
    case scanner(ScannerScript)
    case keepAlive(KeepAliveScript)

    func reader(of files: [Range<UInt64>]) -> any ScriptedReader {
        switch self {
        case .player(let script):
            Player(script, fileLength: UInt64(files[script.file].count))
        case .stepPlayer(let script): StepPlayer(script)
        case .scanner(let script): Scanner(script)
        case .keepAlive(let script): KeepAlive(script)
        }
    }

    var start: VirtualTime {
        switch self {
        case .player(let script): script.start
        case .stepPlayer: .zero
        case .scanner(let script): script.start
        case .keepAlive(let script): script.start
        }
    }
}

/// What a reader saw.
package struct ReaderRecord: Equatable, Sendable {
    /// From its first READ to the answer.
    package var firstByte: VirtualTime?
    /// From its first READ until it played.
    package var startUp: VirtualTime?
    /// From each seek to the first answer there.
    package var seeks: [VirtualTime] = []
    /// How often it had nothing to play once it had begun, and for how long in all.
    package var stallCount = 0
    package var stalled = VirtualTime.zero
    package var played = VirtualTime.zero
    package var scannedFileCount = 0
    /// A player; what others see is of no account for the table.
    package var isPlayer = false

    package init() {}
}

/// Reads the first bytes of many files, one after another, as indexers and thumbnailers do.
package struct ScannerScript: Sendable {
    package var files: Range<Int>
    package var byteCount: UInt64 = 64 << 10
    /// Between an answer and the next file.
    package var pause = VirtualTime.milliseconds(5)
    package var start = VirtualTime.zero

    package init(files: Range<Int>) { self.files = files }
}

struct Scanner: ScriptedReader {
    private let script: ScannerScript
    private var next: Int
    private(set) var record = ReaderRecord()
    private var isReading = false

    init(_ script: ScannerScript) {
        self.script = script
        next = script.files.lowerBound
    }

    var isFinished: Bool { record.scannedFileCount == script.files.count }

    mutating func woken(now: VirtualTime) -> [ReaderAction] {
        guard !isReading, next < script.files.upperBound else { return [] }
        isReading = true
        defer { next += 1 }
        return [.read(0..<script.byteCount, file: next, tag: next)]
    }

    mutating func answered(
        _ range: Range<UInt64>,
        tag: Int,
        now: VirtualTime
    ) -> [ReaderAction] {
        isReading = false
        record.scannedFileCount += 1
        return [.wake(at: now + script.pause)]
    }
}

/// A player that is paused: a few bytes at one place, now and then.
package struct KeepAliveScript: Sendable {
    package var file: Int
    package var offset: UInt64
    package var interval = VirtualTime.seconds(45)
    package var start = VirtualTime.zero

    package init(file: Int, offset: UInt64) {
        self.file = file
        self.offset = offset
    }
}

struct KeepAlive: ScriptedReader {
    private let script: KeepAliveScript
    let record = ReaderRecord()
    /// The others decide when the run ends.
    let isFinished = true

    init(_ script: KeepAliveScript) { self.script = script }

    mutating func woken(now: VirtualTime) -> [ReaderAction] {
        let range = script.offset..<script.offset + 4096
        return [.read(range, file: script.file, tag: 0), .wake(at: now + script.interval)]
    }

    mutating func answered(
        _ range: Range<UInt64>,
        tag: Int,
        now: VirtualTime
    ) -> [ReaderAction] { [] }
}
