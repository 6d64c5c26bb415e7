import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct HashExchangeTests {
    typealias Sample = Version2SwarmTests.Sample
    let now = ContinuousClock.now
    let alice = PeerKey(rawValue: 1)
    let bob = PeerKey(rawValue: 2)
    /// 16 blocks to a piece; ten pieces, the last one short, and a file of one piece.
    let sample = Sample(pieceLength: 256 << 10, files: [9 * (256 << 10) + 40_000, 100_000])

    private func leaves(_ sample: Sample, _ pieces: Range<Int>) -> [SHA256Digest] {
        pieces.flatMap { piece in
            (0..<sample.geometry.blockCount(of: PieceIndex(piece))).map {
                SimulatedNetwork.leaf(
                    SimulatedNetwork.content(of: sample.geometry.block($0, of: PieceIndex(piece)))
                )
            }
        }
    }

    private func exchange(_ sample: Sample, layers: Bool = true) -> HashExchange {
        HashExchange(
            geometry: sample.geometry,
            trees: sample.trees,
            layers: layers ? sample.layers : [:]
        )
    }

    private func requests(_ actions: [HashExchange.Action]) -> [(HashRequest, PeerKey)] {
        actions.compactMap {
            if case .send(.hashRequest(let request), let key) = $0 { (request, key) } else { nil }
        }
    }

    /// What a peer that has all of it says.
    private func answer(_ sample: Sample, _ request: HashRequest) throws -> [SHA256Digest] {
        let tree = try #require(sample.trees.trees.first { $0.root == request.root })
        let layer = tree.shape.hasPieceLayer ? sample.layers[tree.root] : nil
        let answer = try #require(HashAnswer(request, tree: tree, layer: layer))
        return answer.hashes(leaves: leaves(sample, answer.pieces))
    }

    /// Fetches everything of a piece, one request after another.
    private func learn(_ exchange: inout HashExchange, _ sample: Sample, _ piece: Int) throws {
        let piece = PieceIndex(piece)
        for _ in 0..<8 {
            exchange.want(piece)
            exchange.ask(now: now) { _, _ in true }
            for (request, key) in requests(exchange.takeActions()) {
                let hashes = try answer(sample, request)
                #expect(
                    exchange.received(hashes, for: request, from: key) == .learned([piece])
                )
            }
        }
    }

    @Test(arguments: [16 << 10, 32 << 10, 256 << 10, 16 << 20] as [UInt32], [true, false])
    func learnsEveryLeafWhateverThePieceLength(pieceLength: UInt32, knowsLayers: Bool) throws {
        let sample = Sample(
            pieceLength: pieceLength,
            files: [UInt64(pieceLength) * 2 + 40_000, 16385, 1, 20 << 20]
        )
        var exchange = exchange(sample, layers: knowsLayers)
        exchange.connected(alice)
        for number in [0, 1, 2, 3, 4, 5, sample.geometry.pieceCount - 1] {
            let piece = PieceIndex(number)
            try learn(&exchange, sample, number)
            let count = sample.geometry.blockCount(of: piece)
            let right = leaves(sample, number..<number + 1)
            guard count > 1 else {
                #expect(exchange.known.hash(of: piece) != nil)
                continue
            }
            for block in 0..<count {
                let place = sample.geometry.block(block, of: piece)
                #expect(exchange.known.leaf(of: place) == right[block])
            }
        }
    }

    @Test func asksAnotherPeerAfterARejectAndAfterSilence() {
        var exchange = exchange(sample)
        exchange.connected(alice)
        exchange.connected(bob)
        exchange.want(PieceIndex(0))
        exchange.ask(now: now) { _, _ in true }
        let first = requests(exchange.takeActions())
        #expect(first.map(\.1) == [alice])
        exchange.rejected(first[0].0, by: alice)
        exchange.ask(now: now) { _, _ in true }
        #expect(requests(exchange.takeActions()).map(\.1) == [bob])
        exchange.expire(now: now + .seconds(4))
        #expect(exchange.isWaiting)
        exchange.expire(now: now + .seconds(6))
        #expect(!exchange.isWaiting)
        exchange.ask(now: now) { _, _ in true }
        // Both had their chance.
        #expect(requests(exchange.takeActions()).isEmpty)
    }

    @Test func asksOnlyWhoHasThePiece() {
        var exchange = exchange(sample)
        exchange.connected(alice)
        exchange.connected(bob)
        exchange.want(PieceIndex(3))
        let bob = bob
        exchange.ask(now: now) { key, _ in key == bob }
        #expect(requests(exchange.takeActions()).map(\.1) == [bob])
        exchange.disconnected(bob)
        exchange.ask(now: now) { _, _ in true }
        #expect(requests(exchange.takeActions()).map(\.1) == [alice])
    }

    @Test func noticesEveryLie() throws {
        var exchange = exchange(sample)
        exchange.connected(alice)
        exchange.want(PieceIndex(0))
        exchange.ask(now: now) { _, _ in true }
        let request = requests(exchange.takeActions())[0].0
        let right = try answer(sample, request)
        for place in right.indices {
            var wrong = right
            wrong[place] = .zero
            var copy = exchange
            #expect(copy.received(wrong, for: request, from: alice) == .wrong)
        }
        for wrong in [[], Array(right.dropLast()), right + [.zero]] {
            var copy = exchange
            #expect(copy.received(wrong, for: request, from: alice) == .wrong)
        }
        let other = HashRequest(
            root: request.root,
            baseLayer: 0,
            index: 64,
            length: 16,
            proofLayerCount: 0
        )
        #expect(exchange.received(right, for: other, from: alice) == .ignored)
        #expect(exchange.received(right, for: request, from: alice) == .learned([PieceIndex(0)]))
        #expect(exchange.received(right, for: request, from: alice) == .ignored)
    }

    /// What libtorrent asks for, and what nobody may.
    @Test func answersWhatItHasAndRejectsTheRest() throws {
        let tree = sample.trees.trees[0]
        func request(
            _ base: UInt32,
            _ index: UInt32,
            _ length: UInt32,
            proof: UInt32 = 0,
            root: SHA256Digest? = nil
        ) -> HashRequest {
            HashRequest(
                root: root ?? tree.root,
                baseLayer: base,
                index: index,
                length: length,
                proofLayerCount: proof
            )
        }
        var have = Bitfield(full: sample.geometry.pieceCount)
        have[PieceIndex(5)] = false
        func isAnswered(_ request: HashRequest) -> Bool {
            var exchange = exchange(sample)
            exchange.connected(alice)
            exchange.requested(request, by: alice, have: have)
            let actions = exchange.takeActions()
            if case .answer(_, alice)? = actions.first { return true }
            #expect(actions == [.send(.hashReject(request), to: alice)])
            return false
        }
        #expect(tree.shape.height == 8 && tree.shape.pieceLayer == 4)
        for good in [
            request(0, 0, 16), request(0, 0, 16, proof: 7), request(0, 144, 16, proof: 4),
            request(4, 0, 16), request(4, 8, 2, proof: 3), request(0, 0, 64), request(0, 2, 2),
            request(3, 0, 2), request(2, 4, 4, proof: 5), request(5, 0, 2),
        ] {
            #expect(isAnswered(good), "\(good)")
        }
        for bad in [
            request(0, 80, 16), request(0, 64, 64), request(0, 8, 16), request(0, 0, 1),
            request(0, 0, 3), request(0, 160, 16), request(0, 0, 512), request(0, 0, 16, proof: 8),
            request(4, 0, 32), request(3, 10, 2), request(8, 0, 2), request(0, .max - 1, 2),
            request(0, 0, .max), request(0, 0, 16, proof: .max), request(.max, 0, 2),
            request(0, 0, 16, root: .zero), request(4, 16, 2),
        ] {
            #expect(!isAnswered(bad), "\(bad)")
        }
    }

    @Test func boundsWhatOnePeerAsksFor() {
        var exchange = exchange(sample)
        exchange.connected(alice)
        let have = Bitfield(full: sample.geometry.pieceCount)
        let request = HashRequest(
            root: sample.trees.trees[0].root,
            baseLayer: 0,
            index: 0,
            length: 16,
            proofLayerCount: 0
        )
        for _ in 0..<20 { exchange.requested(request, by: alice, have: have) }
        let actions = exchange.takeActions()
        #expect(actions.count { if case .answer = $0 { true } else { false } } == 2)
        #expect(actions.count { $0 == .send(.hashReject(request), to: alice) } == 12)
        exchange.answered(alice)
        #expect(exchange.takeActions().count == 1)
        exchange.disconnected(alice)
        exchange.answered(alice)
        exchange.answered(alice)
        #expect(exchange.takeActions().isEmpty)
    }

    /// Every legal request of every layer gets the nodes of the tree, and uncles that prove them.
    @Test(arguments: [true, false])
    func answersForLayersBetweenLeavesAndPiecesAndAbove(hasLayer: Bool) throws {
        let tree = sample.trees.trees[0]
        let leaves = leaves(sample, 0..<tree.shape.pieceCount)
        var layers = [leaves]
        for layer in 0..<tree.shape.height {
            layers.append(MerkleTree.parents(of: layers[layer], atLayer: layer))
        }
        func node(_ layer: Int, _ place: Int) -> SHA256Digest {
            place < layers[layer].count ? layers[layer][place] : MerkleTree.padding(atLayer: layer)
        }
        var answerCount = 0
        for base in 0..<tree.shape.height {
            for height in 1...(tree.shape.height - base) {
                let length = 1 << height
                for index in stride(from: 0, to: layers[base].count, by: length) {
                    let proofs = tree.shape.height - base - 1
                    let request = HashRequest(
                        root: tree.root,
                        baseLayer: UInt32(base),
                        index: UInt32(index),
                        length: UInt32(length),
                        proofLayerCount: UInt32(hasLayer ? proofs : 0)
                    )
                    let answer = HashAnswer(
                        request,
                        tree: tree,
                        layer: hasLayer ? sample.layers[tree.root] : nil
                    )
                    guard let answer else {
                        #expect(!hasLayer)
                        continue
                    }
                    answerCount += 1
                    let first = answer.pieces.lowerBound * tree.shape.leavesPerPiece
                    let last = min(
                        answer.pieces.upperBound * tree.shape.leavesPerPiece,
                        leaves.count
                    )
                    let hashes = answer.hashes(
                        leaves: answer.pieces.isEmpty ? [] : Array(leaves[first..<last])
                    )
                    #expect(
                        Array(hashes[..<length]) == (index..<index + length).map { node(base, $0) }
                    )
                    let top = MerkleTree.root(
                        of: Array(hashes[..<length]),
                        atLayer: base,
                        width: length
                    )
                    #expect(
                        !hasLayer
                            || MerkleTree.root(
                                of: top,
                                at: index / length,
                                uncles: hashes[length...]
                            ) == tree.root
                    )
                }
            }
        }
        #expect(answerCount > 20)
    }

    /// What is read to make an answer is bounded, whatever the layer.
    @Test func doesNotHashAWholeFileForOneAnswer() throws {
        let shape = HashTreeShape(length: 600 << 20, pieceLength: 1 << 20)
        let tree = HashTrees.Tree(file: 0, firstPiece: PieceIndex(0), root: .zero, shape: shape)
        let hashes = [SHA256Digest](repeating: .zero, count: shape.pieceCount)
        func answer(_ layer: UInt32, _ length: UInt32) -> HashAnswer? {
            HashAnswer(
                HashRequest(
                    root: tree.root,
                    baseLayer: layer,
                    index: 0,
                    length: length,
                    proofLayerCount: 0
                ),
                tree: tree,
                layer: hashes
            )
        }
        #expect(answer(0, 512)?.pieces.count == 8)
        #expect(answer(5, 16)?.pieces.count == 8)
        #expect(answer(5, 32) == nil)
        #expect(answer(6, 512)?.pieces.isEmpty == true)
    }
}
