import BitTorrentProtocol
import TorrentLogic

/// One run: a `Swarm` that fetches from scripted peers for scripted readers, in virtual time.
///
/// It does what `TorrentEngine` does for a swarm, but without sockets, disk or clock, so that the same
/// seed gives the same run. Of payload nothing exists but what tells a wrong block from a right one.
package final class Simulation {
    let scenario: Scenario
    var swarm: Swarm
    var peers: [ScriptedPeer]
    var peerNumbers: [PeerAddress: Int] = [:]
    var readers: [any ScriptedReader]
    var line: Line
    var events = EventQueue()
    private(set) var now = VirtualTime.zero
    private let beginning: Swarm.Instant
    package internal(set) var outcome = Outcome()

    /// By number of a connection, which is its key in the swarm: the peer.
    var connections: [Int] = []
    /// What was sent in this turn, by peer.
    var outgoing: [Int: [PeerMessage]] = [:]
    var timerAt: VirtualTime?

    /// By block: of each copy what tells a wrong one from the right one.
    var blocks: [PieceIndex: [[UInt64]]] = [:]
    var verified: Bitfield
    /// By piece and block, of v2.
    var proved: [PieceIndex: [Bool]] = [:]
    var waits: [WaitID: Read] = [:]
    var waitCount: UInt64 = 0
    let scannedRange: Range<UInt64>?

    /// Told what happens, line by line.
    private let trace: ((String) -> Void)?

    /// - Parameters:
    ///   - seed: of every choice in the run.
    ///   - trace: is told what happens, line by line.
    package init(_ scenario: Scenario, seed: UInt64, trace: ((String) -> Void)? = nil) {
        let torrent = scenario.torrent
        var generator = SeededGenerator(seed: seed)
        let beginning = Swarm.Instant.now
        self.scenario = scenario
        self.beginning = beginning
        self.trace = trace
        verified = Bitfield(count: torrent.geometry.pieceCount)
        line = Line(rate: scenario.lineRate)
        readers = scenario.readers.map { $0.reader(of: torrent.files) }
        scannedRange = scenario.scannedFiles.map {
            torrent.files[$0.lowerBound].lowerBound..<torrent.files[$0.upperBound - 1].upperBound
        }
        swarm = Swarm(
            geometry: torrent.geometry,
            have: verified,
            hashes: torrent.exchange,
            ownID: PeerID(using: &generator),
            seed: generator.next(),
            now: beginning
        )
        peers = []
        for (number, script) in scenario.peers.enumerated() {
            let peer = ScriptedPeer(
                script,
                number: number,
                pieceCount: torrent.geometry.pieceCount,
                seed: generator.next()
            )
            peerNumbers[peer.address] = number
            peers.append(peer)
        }
    }

    /// Runs to the end.
    package func run() -> Outcome {
        for (number, script) in scenario.readers.enumerated() {
            events.push(.woken(reader: number), at: script.start)
        }
        turn { swarm.found(peers.map(\.address), now: $0) }
        if scenario.isWarm {
            for number in peers.indices { connect(to: number) }
        }
        while !readers.allSatisfy(\.isFinished), let (time, event) = events.pop() {
            guard time <= scenario.limit else { break }
            now = time
            happen(event)
        }
        conclude()
        return outcome
    }

    private func happen(_ event: Event) {
        switch event {
        case .dialled(let peer): dialEnded(peer)
        case .heard(let messages, let connection): heard(messages, on: connection)
        case .transmitted(let connection): transmitted(on: connection)
        case .lineFree(let connection): transmit(on: connection)
        case .reachedLine(let delivery, let connection):
            let through = line.pass(delivery.byteCount, now: now)
            events.push(.delivered(delivery, connection: connection), at: through)
        case .delivered(let delivery, let connection): delivered(delivery, on: connection)
        case .peerTurns(let turn, let connection): turns(turn, on: connection)
        case .returned(let peer): peers[peer].isAway = false
        case .hashed(let piece, let verdict): hashed(piece, verdict)
        case .proved(let block): hashed(block)
        case .timer:
            guard timerAt == now else { return }
            timerAt = nil
            turn { swarm.timerFired(now: $0) }
        case .woken(let reader): act(readers[reader].woken(now: now), by: reader)
        case .answered(let read): answered(read)
        case .heldTooLong(let wait): heldTooLong(wait)
        case .retried(let read): begin(read)
        }
    }

    /// Hands an event to the swarm and does all that follows from it, as `Torrent` does.
    func turn(_ event: (Swarm.Instant) -> Void) {
        event(instant)
        performActions()
        for (peer, messages) in outgoing.sorted(by: { $0.key < $1.key }) {
            send(messages, to: peer)
        }
        outgoing.removeAll(keepingCapacity: true)
        guard let deadline = swarm.nextDeadline else { return timerAt = nil }
        let time = max(now, VirtualTime(beginning.duration(to: deadline)))
        if let timerAt, timerAt <= time { return }
        timerAt = time
        events.push(.timer, at: time)
    }

    var instant: Swarm.Instant { beginning + now.duration }

    func log(_ text: @autoclosure () -> String) {
        guard let trace else { return }
        let milliseconds = now.nanoseconds / 1_000_000
        let digits = String(milliseconds % 1000)
        let fraction = String(repeating: "0", count: 3 - digits.count) + digits
        trace("\(milliseconds / 1000).\(fraction)  \(text())")
    }

    private func conclude() {
        outcome.readers = readers.map(\.record)
        outcome.isFinished = readers.allSatisfy(\.isFinished)
        outcome.length = now
        outcome.receivedByteCount = swarm.receivedByteCount
        outcome.wastedByteCount = swarm.wastedByteCount
        outcome.eventCount = events.pushCount
        if swarm.have != verified {
            outcome.violations.append("the swarm has a piece that was not verified")
        }
        outcome.mix(swarm.receivedByteCount, swarm.wastedByteCount)
    }
}
