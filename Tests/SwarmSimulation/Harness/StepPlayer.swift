/// A player without a buffer, as in the comparison with libtorrent: it asks for all of a step when it
/// is due, and what comes later than a moment after that is a stall.
package struct StepPlayerScript: Sendable {
    package var file: Int
    /// Bytes a second that it plays.
    package var byteRate: Double
    /// Bytes that it asks for at a time.
    package var step: UInt64 = 1 << 20
    /// Where it plays from, one place after another; each begins a step.
    package var places: [UInt64]
    /// Steps that it plays at each place after the first one there.
    package var stepCount: UInt64
    package var readLength: UInt64 = 128 << 10

    package init(file: Int = 0, byteRate: Double, places: [UInt64], stepCount: UInt64) {
        self.file = file
        self.byteRate = byteRate
        self.places = places
        self.stepCount = stepCount
    }
}

struct StepPlayer: ScriptedReader {
    /// What comes so soon after it was due is in time.
    private static let tolerance = VirtualTime.milliseconds(50)

    private let script: StepPlayerScript
    private(set) var record = ReaderRecord()
    private var place = 0
    private var number: UInt64 = 0
    /// When it asked for the step that it waits for; `nil` between two of them.
    private var askedAt: VirtualTime?
    /// When the next step is due.
    private var due = VirtualTime.zero
    private var missingCount = 0

    init(_ script: StepPlayerScript) {
        self.script = script
        record.isPlayer = true
    }

    var isFinished: Bool { place == script.places.count }

    mutating func woken(now: VirtualTime) -> [ReaderAction] {
        guard askedAt == nil, !isFinished, now >= due else { return [] }
        askedAt = now
        let start = script.places[place] + number * script.step
        let reads = stride(from: start, to: start + script.step, by: Int(script.readLength)).map {
            ReaderAction.read($0..<$0 + script.readLength, file: script.file, tag: 0)
        }
        missingCount = reads.count
        return reads
    }

    mutating func answered(
        _ range: Range<UInt64>,
        tag: Int,
        now: VirtualTime
    ) -> [ReaderAction] {
        missingCount -= 1
        guard missingCount == 0, let askedAt else { return [] }
        self.askedAt = nil
        let waited = now - askedAt
        if number == 0 {
            due = now
            if place == 0 { (record.firstByte, record.startUp) = (waited, waited) }
            if place > 0 { record.seeks.append(waited) }
        } else if waited > Self.tolerance {
            record.stallCount += 1
            record.stalled = record.stalled + waited
            due = due + waited
        }
        guard number < script.stepCount else {
            place += 1
            number = 0
            due = now
            return [.wake(at: now)]
        }
        number += 1
        let length = VirtualTime.seconds(Double(script.step) / script.byteRate)
        record.played = record.played + length
        due = due + length
        return [.wake(at: due)]
    }
}
