import BitTorrentProtocol
import Testing
import TorrentLogic

/// Whole swarms in virtual time; a failure prints its seed, and the seed finds it again.
@Suite struct SwarmSimulationTests {
    static let geometry = PieceGeometry(pieceLength: 256 << 10, totalLength: 24 << 20 | 4321)

    /// Reads the whole torrent as a file, front to back, 128 KiB at a time, like `cat` over NFS:
    /// each read waits until its bytes are there.
    static func cat(_ network: SimulatedNetwork, _ reader: Int) {
        let total = network.geometry.totalLength
        let id = ReaderID(client: 1, file: 0)
        func step(_ offset: UInt64, _ number: UInt64) {
            guard offset < total else { return }
            let range = offset..<min(offset + 128 << 10, total)
            network.tell(reader) {
                $0.read(range, in: 0..<total, by: id, now: $1)
                $0.waitBegan(WaitID(rawValue: number), for: range, now: $1)
            }
            poll(range, number)
        }
        func poll(_ range: Range<UInt64>, _ number: UInt64) {
            let pieces = network.geometry.pieces(covering: range)
            let have = network.nodes[reader].swarm.have
            guard pieces.allSatisfy({ have[PieceIndex($0)] }) else {
                network.at(network.now - network.start + .milliseconds(5)) { poll(range, number) }
                return
            }
            network.tell(reader) { $0.waitEnded(WaitID(rawValue: number), now: $1) }
            step(range.upperBound, number + 1)
        }
        step(0, 1)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func downloadsFromHonestSeeds(seed: UInt64) {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: seed)
        let reader = network.addNode(isSeed: false)
        let seeds = (0..<3).map { _ in network.addNode(isSeed: true) }
        network.tell(reader) { $0.found(seeds.map { network.nodes[$0].address }, now: $1) }
        Self.cat(network, reader)
        let time = network.run(until: .seconds(60)) { network.nodes[reader].swarm.have.isComplete }
        let swarm = network.nodes[reader].swarm
        #expect(
            time.map { $0 < .seconds(6) } == true,
            "seed \(seed): took \(String(describing: time))"
        )
        #expect(swarm.wastedByteCount < Self.geometry.totalLength / 50, "seed \(seed)")
        #expect(network.nodes[reader].banned.isEmpty, "seed \(seed)")
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func survivesALiarAStallerAndALeaver(seed: UInt64) {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: seed)
        let reader = network.addNode(isSeed: false)
        let honest = network.addNode(isSeed: true, bytesPerSecond: 2e6)
        let liar = network.addNode(isSeed: true, conduct: .liar(every: 50))
        let staller = network.addNode(isSeed: true, conduct: .staller)
        let leaver = network.addNode(isSeed: true)
        let addresses = [honest, liar, staller, leaver].map { network.nodes[$0].address }
        network.tell(reader) { $0.found(addresses, now: $1) }
        network.at(.seconds(1)) { network.leave(leaver) }
        Self.cat(network, reader)
        let time = network.run(until: .seconds(300)) { network.nodes[reader].swarm.have.isComplete }
        #expect(
            time.map { $0 < .seconds(40) } == true,
            "seed \(seed): took \(String(describing: time))"
        )
        #expect(network.nodes[reader].banned == [network.nodes[liar].address], "seed \(seed)")
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func aLoneLiarIsBannedAndNothingWrongIsKept(seed: UInt64) {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: seed)
        let reader = network.addNode(isSeed: false)
        let liar = network.addNode(isSeed: true, conduct: .liar(every: 50))
        network.tell(reader) { $0.found([network.nodes[liar].address], now: $1) }
        Self.cat(network, reader)
        _ = network.run(until: .seconds(60)) { !network.nodes[reader].banned.isEmpty }
        #expect(network.nodes[reader].banned == [network.nodes[liar].address], "seed \(seed)")
        _ = network.run(until: .seconds(200)) { false }
        #expect(network.nodes[reader].swarm.peerCount == 0, "seed \(seed)")
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func anIncomingLiarIsShakenOffAndItsHonestNeighbourIsNot(seed: UInt64) {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: seed)
        let reader = network.addNode(isSeed: false)
        let liar = network.addNode(isSeed: true, conduct: .liar(every: 50))
        let honest = network.addNode(isSeed: true, bytesPerSecond: 2e6)
        network.connect(from: liar, to: reader)
        network.connect(from: honest, to: reader)
        // The liar comes back whenever it is thrown out.
        for second in 1...30 {
            network.at(.seconds(second)) { network.connect(from: liar, to: reader) }
        }
        Self.cat(network, reader)
        let time = network.run(until: .seconds(60)) { network.nodes[reader].swarm.have.isComplete }
        #expect(time != nil, "seed \(seed)")
        _ = network.run(until: .seconds(40)) { false }
        let node = network.nodes[reader]
        #expect(node.banned.count == 1, "seed \(seed)")
        // With nothing left to fetch two seeds part; the honest one was never sent away before.
        #expect(node.closed.contains(.superfluous), "seed \(seed)")
        #expect(network.nodes[honest].connections.isEmpty, "seed \(seed)")
        #expect(node.closed.contains(.banned), "seed \(seed)")
    }

    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func leechersTradeAndFinish(seed: UInt64) {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: seed)
        let origin = network.addNode(isSeed: true, bytesPerSecond: 2e6)
        let readers = (0..<4).map { _ in network.addNode(isSeed: false, bytesPerSecond: 2e6) }
        for reader in readers {
            let others = ([origin] + readers).filter { $0 != reader }
            network.tell(reader) { swarm, now in
                swarm.found(others.map { network.nodes[$0].address }, now: now)
            }
            Self.cat(network, reader)
        }
        let time = network.run(until: .seconds(300)) {
            readers.allSatisfy { network.nodes[$0].swarm.have.isComplete }
        }
        #expect(
            time.map { $0 < .seconds(120) } == true,
            "seed \(seed): took \(String(describing: time))"
        )
        #expect(readers.allSatisfy { network.nodes[$0].banned.isEmpty }, "seed \(seed)")
    }

    @Test func theSameSeedGivesTheSameRun() {
        func run() -> (Duration?, UInt64) {
            let network = SimulatedNetwork(geometry: Self.geometry, seed: 7)
            let reader = network.addNode(isSeed: false)
            let seeds = [
                network.addNode(isSeed: true), network.addNode(isSeed: true, conduct: .staller),
                network.addNode(isSeed: true, conduct: .liar(every: 50)),
            ]
            network.tell(reader) { $0.found(seeds.map { network.nodes[$0].address }, now: $1) }
            Self.cat(network, reader)
            let time = network.run(until: .seconds(300)) {
                network.nodes[reader].swarm.have.isComplete
            }
            return (time, network.nodes[reader].swarm.receivedByteCount)
        }
        #expect(run() == run())
    }

    @Test func aSlowPeerDoesNotHoldUpAReader() {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: 3)
        let reader = network.addNode(isSeed: false)
        let fast = network.addNode(isSeed: true, bytesPerSecond: 4e6)
        let slow = (0..<3).map { _ in network.addNode(isSeed: true, bytesPerSecond: 20e3) }
        let addresses = ([fast] + slow).map { network.nodes[$0].address }
        network.tell(reader) { $0.found(addresses, now: $1) }
        Self.cat(network, reader)
        let time = network.run(until: .seconds(300)) { network.nodes[reader].swarm.have.isComplete }
        #expect(time.map { $0 < .seconds(12) } == true, "took \(String(describing: time))")
    }

    @Test func nothingIsDialledOrRequestedWithoutARead() {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: 1)
        let reader = network.addNode(isSeed: false)
        let origin = network.addNode(isSeed: true)
        network.tell(reader) { $0.found([network.nodes[origin].address], now: $1) }
        _ = network.run(until: .seconds(600)) { false }
        #expect(network.nodes[reader].swarm.peerCount == 0)
        #expect(network.nodes[reader].swarm.receivedByteCount == 0)
        #expect(network.nodes[reader].swarm.nextDeadline == nil)
    }

    @Test func aReadOfTheHeadCostsItsPiece() {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: 1)
        let reader = network.addNode(isSeed: false)
        let origin = network.addNode(isSeed: true)
        network.tell(reader) {
            $0.found([network.nodes[origin].address], now: $1)
            $0.read(
                0..<65536,
                in: 0..<Self.geometry.totalLength,
                by: ReaderID(client: 1, file: 0),
                now: $1
            )
        }
        _ = network.run(until: .seconds(30)) { false }
        #expect(network.nodes[reader].swarm.have.setCount == 1)
    }
}
