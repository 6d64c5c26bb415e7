import BitTorrentProtocol
import TorrentLogic

// READs: answered when their range is verified, as the server does.
extension Simulation {
    /// From the client to the server and back.
    private static let readDelay = VirtualTime.milliseconds(0.2)
    /// A READ that has nothing for so long is to be sent again, which Linux does after a pause.
    private static let holdTime = VirtualTime.seconds(25)
    private static let retryPause = VirtualTime.seconds(5)

    func act(_ actions: [ReaderAction], by reader: Int) {
        for action in actions {
            switch action {
            case .wake(let time): events.push(.woken(reader: reader), at: max(now, time))
            case .read(let range, let file, let tag):
                begin(Read(reader: reader, file: file, range: range, tag: tag))
            }
        }
    }

    func begin(_ read: Read) {
        let file = scenario.torrent.files[read.file]
        let range = place(of: read)
        log("reader \(read.reader) reads \(read.range) of file \(read.file)")
        let id = ReaderID(client: UInt64(read.reader), file: UInt32(read.file))
        guard !isVerified(range) else {
            turn { swarm.read(range, in: file, by: id, now: $0) }
            return events.push(.answered(read), at: now + Self.readDelay)
        }
        waitCount += 1
        let wait = WaitID(rawValue: waitCount)
        waits[wait] = read
        turn {
            swarm.read(range, in: file, by: id, now: $0)
            swarm.waitBegan(wait, for: range, now: $0)
        }
        events.push(.heldTooLong(wait), at: now + Self.holdTime)
    }

    /// Answers the READs that waited for the piece and have all they wanted.
    func tellWaits(about piece: PieceIndex) {
        guard !waits.isEmpty else { return }
        let news = scenario.torrent.geometry.range(of: piece)
        for (wait, read) in waits.sorted(by: { $0.key < $1.key }) {
            let range = place(of: read)
            guard range.overlaps(news), isVerified(range) else { continue }
            waits[wait] = nil
            swarm.waitEnded(wait, now: instant)
            events.push(.answered(read), at: now + Self.readDelay)
        }
    }

    func answered(_ read: Read) {
        log("reader \(read.reader) has \(read.range) of file \(read.file)")
        outcome.mix(UInt64(now.nanoseconds), UInt64(read.reader), read.range.lowerBound)
        act(readers[read.reader].answered(read.range, tag: read.tag, now: now), by: read.reader)
    }

    func heldTooLong(_ wait: WaitID) {
        guard let read = waits.removeValue(forKey: wait) else { return }
        log("reader \(read.reader) is told to try again")
        outcome.heldTooLongCount += 1
        turn { swarm.waitEnded(wait, now: $0) }
        events.push(.retried(read), at: now + Self.retryPause)
    }

    /// In the torrent, and within the file.
    private func place(of read: Read) -> Range<UInt64> {
        let file = scenario.torrent.files[read.file]
        return file.lowerBound
            + read.range.lowerBound..<min(
                file.lowerBound + read.range.upperBound,
                file.upperBound
            )
    }

    private func isVerified(_ range: Range<UInt64>) -> Bool {
        let geometry = scenario.torrent.geometry
        return geometry.pieces(covering: range).allSatisfy { number in
            let piece = PieceIndex(number)
            if verified[piece] { return true }
            guard let proved = proved[piece] else { return false }
            return geometry.blocks(of: piece, covering: range).allSatisfy { proved[$0] }
        }
    }
}
