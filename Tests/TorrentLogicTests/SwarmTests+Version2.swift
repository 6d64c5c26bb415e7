import BitTorrentProtocol
import Testing
import TorrentLogic

/// Swarms of a v2 torrent in virtual time (BEP 52).
@Suite struct Version2SwarmTests {
    /// A made-up v2 torrent whose blocks are numbers.
    struct Sample {
        let geometry: PieceGeometry
        let trees: HashTrees
        let layers: PieceLayers

        init(pieceLength: UInt32, files: [UInt64]) {
            geometry = PieceGeometry(pieceLength: pieceLength, alignedFiles: files)
            var trees: [HashTrees.Tree] = []
            var layers: PieceLayers = [:]
            var firstPiece = 0
            for (number, length) in files.enumerated() {
                let shape = HashTreeShape(length: length, pieceLength: pieceLength)
                var leaves: [SHA256Digest] = []
                for piece in firstPiece..<firstPiece + shape.pieceCount {
                    let index = PieceIndex(piece)
                    for block in 0..<geometry.blockCount(of: index) {
                        let content = SimulatedNetwork.content(of: geometry.block(block, of: index))
                        leaves.append(SimulatedNetwork.leaf(content))
                    }
                }
                let hashes = shape.pieceHashes(ofLeaves: leaves)
                let root = shape.root(ofPieceHashes: hashes)
                trees.append(
                    .init(
                        file: number,
                        firstPiece: PieceIndex(firstPiece),
                        root: root,
                        shape: shape
                    )
                )
                if shape.hasPieceLayer { layers[root] = hashes }
                firstPiece += shape.pieceCount
            }
            self.trees = HashTrees(trees: trees)
            self.layers = layers
        }

        func network(seed: UInt64) -> SimulatedNetwork {
            SimulatedNetwork(geometry: geometry, hashTrees: trees, seed: seed)
        }
    }

    private let sample = Sample(
        pieceLength: 128 << 10,
        files: [3_000_000, 100, 128 << 10, 128 << 10 | 1, 700_000, 16384]
    )

    private func readAll(_ network: SimulatedNetwork, by node: Int) {
        for (file, tree) in sample.trees.trees.enumerated() {
            let start = sample.geometry.offset(of: tree.firstPiece)
            let range = start..<start + tree.shape.length
            network.tell(node) {
                $0.read(range, in: range, by: ReaderID(client: 1, file: UInt32(file)), now: $1)
            }
            network.tell(node) {
                $0.waitBegan(WaitID(rawValue: UInt64(file)), for: range, now: $1)
            }
        }
    }

    private func connect(_ network: SimulatedNetwork, _ node: Int, to others: [Int]) {
        for other in others { network.connect(from: node, to: other) }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func everyBlockIsProvedByItself(seed: UInt64) {
        let network = sample.network(seed: seed)
        let seeds = (0..<3).map { _ in network.addNode(isSeed: true, layers: sample.layers) }
        let reader = network.addNode(isSeed: false, layers: sample.layers)
        connect(network, reader, to: seeds)
        readAll(network, by: reader)
        #expect(
            network.run(until: .seconds(60)) { network.nodes[reader].swarm.have.isComplete } != nil
        )
        let blockCount = (0..<sample.geometry.pieceCount).reduce(0) {
            $0 + sample.geometry.blockCount(of: PieceIndex($1))
        }
        // But some that came before the leaves, and pieces of one block.
        #expect(network.nodes[reader].proved.count > blockCount / 2)
        #expect(network.nodes[reader].keptLayers.isEmpty)
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func aLiarIsBannedByItsBlockAndOthersAreNot(seed: UInt64) {
        let network = sample.network(seed: seed)
        let liar = network.addNode(
            isSeed: true,
            conduct: .liar(every: 5),
            layers: sample.layers
        )
        let seeds = (0..<3).map { _ in network.addNode(isSeed: true, layers: sample.layers) }
        let reader = network.addNode(isSeed: false, layers: sample.layers)
        connect(network, reader, to: [liar] + seeds)
        readAll(network, by: reader)
        #expect(
            network.run(until: .seconds(60)) { network.nodes[reader].swarm.have.isComplete } != nil
        )
        #expect(network.nodes[reader].banned == [network.nodes[liar].address])
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func piecesWithoutHashesWaitForThoseOfPeers(seed: UInt64) {
        let network = sample.network(seed: seed)
        let source = network.addNode(isSeed: true, layers: sample.layers)
        let reader = network.addNode(isSeed: false)
        connect(network, reader, to: [source])
        readAll(network, by: reader)
        #expect(
            network.run(until: .seconds(60)) { network.nodes[reader].swarm.have.isComplete } != nil
        )
        #expect(Set(network.nodes[reader].keptLayers) == Set(sample.layers.keys))
        #expect(network.nodes[reader].swarm.knownHashes?.layers == sample.layers)
    }

    @Test(arguments: [true, false])
    func withoutLeavesThePieceHashDecides(speakVersion2: Bool) {
        let network = sample.network(seed: 3)
        let seeds = (0..<3).map { _ in network.addNode(isSeed: true, layers: sample.layers) }
        for seed in seeds {
            // Peers of v1 in a hybrid swarm, or peers that do not answer.
            network.nodes[seed].speaksVersion2 = speakVersion2
            network.nodes[seed].answersHashes = false
        }
        let reader = network.addNode(
            isSeed: false,
            layers: speakVersion2 ? sample.layers : [:],
            isHybrid: !speakVersion2
        )
        connect(network, reader, to: seeds)
        readAll(network, by: reader)
        #expect(
            network.run(until: .seconds(60)) { network.nodes[reader].swarm.have.isComplete } != nil
        )
        // The two files of one block have no other hash than the piece's.
        #expect(network.nodes[reader].proved.count <= 2)
    }

    @Test func itIsSaidWhenNobodyGivesTheHashesOfPieces() {
        let network = sample.network(seed: 5)
        let mute = network.addNode(isSeed: true, layers: sample.layers)
        network.nodes[mute].answersHashes = false
        let reader = network.addNode(isSeed: false)
        connect(network, reader, to: [mute])
        readAll(network, by: reader)
        #expect(network.run(until: .seconds(20)) { network.nodes[reader].lackCount > 0 } != nil)
        // What needs no layer came all the same.
        #expect(network.nodes[reader].swarm.have.setCount == 3)
    }

    @Test func aReadIsProvedLongBeforeItsPiece() throws {
        let sample = Sample(pieceLength: 4 << 20, files: [8 << 20])
        let network = sample.network(seed: 2)
        let slow = network.addNode(
            isSeed: true,
            bytesPerSecond: 262_144,
            layers: sample.layers
        )
        let reader = network.addNode(isSeed: false, layers: sample.layers)
        connect(network, reader, to: [slow])
        let range: Range<UInt64> = 3 << 20..<3 << 20 + 65536
        network.tell(reader) {
            $0.read(range, in: 0..<8 << 20, by: ReaderID(client: 1, file: 0), now: $1)
        }
        network.tell(reader) { $0.waitBegan(WaitID(rawValue: 1), for: range, now: $1) }
        let blocks = sample.geometry.blocks(of: PieceIndex(0), covering: range)
            .map { sample.geometry.block($0, of: PieceIndex(0)) }
        let took = network.run(until: .seconds(60)) {
            blocks.allSatisfy { network.nodes[reader].proved[$0] != nil }
        }
        #expect(try #require(took) < .seconds(1))
        #expect(network.nodes[reader].swarm.hasDemand == false)
        _ = network.run(until: .seconds(10)) { false }
        #expect(network.nodes[reader].swarm.receivedByteCount == 65536)

        // Who reads on has the rest, too.
        let next: Range<UInt64> = range.upperBound..<range.upperBound + 65536
        network.tell(reader) {
            $0.read(next, in: 0..<8 << 20, by: ReaderID(client: 1, file: 0), now: $1)
        }
        let piece = network.run(until: .seconds(60)) {
            network.nodes[reader].swarm.have[PieceIndex(0)]
        }
        #expect(try #require(piece) > .seconds(14))
        #expect(network.nodes[reader].swarm.receivedByteCount == 4 << 20)
    }

    @Test(arguments: [true, false])
    func aLookAtAFileNeedsItsPieceWhereNobodyGivesLeaves(answersHashes: Bool) {
        let sample = Sample(pieceLength: 1 << 20, files: [8 << 20])
        let network = sample.network(seed: 4)
        let source = network.addNode(isSeed: true, layers: sample.layers)
        network.nodes[source].answersHashes = answersHashes
        let reader = network.addNode(isSeed: false, layers: sample.layers)
        connect(network, reader, to: [source])
        let range: Range<UInt64> = 1 << 20..<1 << 20 + 100
        network.tell(reader) {
            $0.read(range, in: 0..<8 << 20, by: ReaderID(client: 1, file: 0), now: $1)
        }
        network.tell(reader) { $0.waitBegan(WaitID(rawValue: 1), for: range, now: $1) }
        _ = network.run(until: .seconds(10)) { false }
        let swarm = network.nodes[reader].swarm
        #expect(swarm.have[PieceIndex(1)] == !answersHashes)
        #expect(swarm.receivedByteCount == (answersHashes ? 16384 : 1 << 20))
        #expect(swarm.hasDemand == false)
    }
}
