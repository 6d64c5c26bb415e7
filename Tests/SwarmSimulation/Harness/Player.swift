/// A media player behind the Linux client's page cache.
struct Player: ScriptedReader {
    private enum Phase: Equatable {
        case opening(step: Int)
        case filling
        case playing(since: VirtualTime)
        case stalled(since: VirtualTime)
        case finished
    }

    private static let never = VirtualTime(nanoseconds: .max)

    private let script: PlayerScript
    private let fileLength: UInt64
    private(set) var record = ReaderRecord()
    private var phase = Phase.opening(step: 0)
    private var began: VirtualTime?

    private var scene = 0
    private var sceneBegan = VirtualTime.zero
    private var awaitsFirstAnswer = false
    /// READs that were made for an earlier place carry an earlier tag.
    private var tag = 0
    private var nextRead: UInt64 = 0
    private var inFlightCount = 0
    /// Everything from the beginning of the scene up to here is in the buffer.
    private var bufferedEnd: UInt64 = 0
    /// Answers that came before those in front of them.
    private var early: [Range<UInt64>] = []
    /// Where it plays, as of the time when the phase began.
    private var playhead = 0.0
    private var wakeAt: VirtualTime?

    init(_ script: PlayerScript, fileLength: UInt64) {
        self.script = script
        self.fileLength = fileLength
        record.isPlayer = true
    }

    var isFinished: Bool { phase == .finished }

    mutating func woken(now: VirtualTime) -> [ReaderAction] {
        if let wakeAt, wakeAt <= now { self.wakeAt = nil }
        if began == nil {
            began = now
            beginStep(0, now: now)
        }
        settle(now: now)
        return plan(now: now)
    }

    mutating func answered(
        _ range: Range<UInt64>,
        tag: Int,
        now: VirtualTime
    ) -> [ReaderAction] {
        settle(now: now)
        if record.firstByte == nil, let began { record.firstByte = now - began }
        guard tag == self.tag else { return [] }
        inFlightCount -= 1
        if awaitsFirstAnswer {
            awaitsFirstAnswer = false
            record.seeks.append(now - sceneBegan)
        }
        take(range)
        if case .opening(let step) = phase, bufferedEnd >= readEnd {
            beginStep(step + 1, now: now)
        }
        settle(now: now)
        return plan(now: now)
    }

    // MARK: Places

    private mutating func beginStep(_ step: Int, now: VirtualTime) {
        guard step < script.opening.count else { return beginScene(0, now: now) }
        phase = .opening(step: step)
        move(to: script.opening[step].lowerBound)
    }

    private mutating func beginScene(_ number: Int, now: VirtualTime) {
        guard number < script.scenes.count else {
            phase = .finished
            return
        }
        scene = number
        sceneBegan = now
        awaitsFirstAnswer = number > 0
        phase = .filling
        move(to: script.scenes[number].offset)
        playhead = Double(bufferedEnd)
    }

    private mutating func move(to offset: UInt64) {
        tag += 1
        // The page cache reads whole pieces of its own.
        nextRead = offset / script.readLength * script.readLength
        bufferedEnd = nextRead
        inFlightCount = 0
        early.removeAll()
    }

    /// Where the scene ends, or the step of the opening.
    private var readEnd: UInt64 {
        if case .opening(let step) = phase {
            return min(script.opening[step].upperBound, fileLength)
        }
        let place = script.scenes[scene]
        return min(place.offset + place.byteCount, fileLength)
    }

    // MARK: Playing

    /// Does what playing up to now led to.
    private mutating func settle(now: VirtualTime) {
        if case .opening = phase { return }
        guard phase != .finished else { return }
        if let patience = script.scenes[scene].patience, now >= sceneBegan + patience {
            return endScene(now: now)
        }
        switch phase {
        case .playing(let since):
            guard let dry = dryAt, now >= dry else { return }
            record.played = record.played + (dry - since)
            playhead = Double(min(bufferedEnd, readEnd))
            if bufferedEnd >= readEnd { return beginScene(scene + 1, now: now) }
            record.stallCount += 1
            phase = .stalled(since: dry)
        case .filling, .stalled:
            let needed = playhead + script.startBuffer.seconds * script.byteRate
            guard Double(bufferedEnd) >= min(needed, Double(readEnd)) else { return }
            if case .stalled(let since) = phase { record.stalled = record.stalled + (now - since) }
            if record.startUp == nil, let began { record.startUp = now - began }
            phase = .playing(since: now)
        default: break
        }
    }

    private mutating func endScene(now: VirtualTime) {
        switch phase {
        case .playing(let since): record.played = record.played + (now - since)
        case .stalled(let since): record.stalled = record.stalled + (now - since)
        default: break
        }
        beginScene(scene + 1, now: now)
    }

    /// When it has played what it holds, or all of the scene.
    private var dryAt: VirtualTime? {
        guard case .playing(let since) = phase else { return nil }
        return since + time(toPlay: Double(min(bufferedEnd, readEnd)) - playhead)
    }

    private func time(toPlay byteCount: Double) -> VirtualTime {
        .seconds(max(0, byteCount) / script.byteRate)
    }

    private mutating func take(_ range: Range<UInt64>) {
        early.append(range)
        while let index = early.firstIndex(where: { $0.lowerBound <= bufferedEnd }) {
            bufferedEnd = max(bufferedEnd, early.remove(at: index).upperBound)
        }
    }

    // MARK: Reading

    private mutating func plan(now: VirtualTime) -> [ReaderAction] {
        guard phase != .finished else { return [] }
        var actions: [ReaderAction] = []
        var due = dryAt
        if case .opening = phase {
        } else if let patience = script.scenes[scene].patience {
            due = min(due ?? sceneBegan + patience, sceneBegan + patience)
        }
        while inFlightCount < script.readsInFlight, nextRead < readLimit {
            let room = roomAt
            guard room <= now else {
                if room < Self.never { due = min(due ?? room, room) }
                break
            }
            let end = min(nextRead + script.readLength, fileLength)
            actions.append(.read(nextRead..<end, file: script.file, tag: tag))
            inFlightCount += 1
            nextRead = end
        }
        if let due, wakeAt.map({ due < $0 }) ?? true {
            wakeAt = due
            actions.append(.wake(at: due))
        }
        return actions
    }

    /// A step of the opening ends; whoever plays does not know yet that it will seek.
    private var readLimit: UInt64 {
        if case .opening = phase { return readEnd }
        return fileLength
    }

    /// When the buffer has room for the next READ.
    private var roomAt: VirtualTime {
        let capacity = max(
            script.buffer.seconds * script.byteRate,
            Double(script.readLength) * Double(script.readsInFlight)
        )
        let needed = Double(nextRead + script.readLength) - capacity - playhead
        switch phase {
        case .opening: return .zero
        case .playing(let since): return since + time(toPlay: needed)
        // It comes to play first.
        default: return needed > 0 ? Self.never : .zero
        }
    }
}
