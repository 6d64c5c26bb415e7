import BitTorrentProtocol
import Testing

@testable import TorrentLogic

/// Peers that say anything that can be said, whenever they like: each message is in order, and none fits
/// what went before.
@Suite struct SwarmNoiseTests {
    @Test(arguments: [nil, true, false], 0..<6 as Range<UInt64>)
    func nothingThatPeersSayEndsTheProgram(isOnlyProof: Bool?, seed: UInt64) {
        var noise = Noise(isOnlyProof: isOnlyProof, seed: seed)
        for _ in 0..<4000 { noise.step() }
        // It is a swarm that works, and not one that has closed everybody; but nothing can be verified
        // if peers alone have the hashes, since what they say of them is made up.
        #expect(noise.rightCount > 0 || isOnlyProof == true && !noise.hasLayers)
        #expect(noise.servedCount > 0)
        #expect(noise.swarm.peerCount <= SwarmLimits().maximumPeers)
    }
}

private struct Noise {
    private static let files: [UInt64] = [900_000, 100, 128 << 10, 300_001]
    private static let maximumPeers = 12

    private let sample = Version2SwarmTests.Sample(pieceLength: 64 << 10, files: files)
    private(set) var swarm: Swarm
    private var random: SeededGenerator
    private var now = ContinuousClock.now
    private var lastKey: UInt64 = 0
    private var live: [PeerKey] = []
    private var asked: [PeerKey: [BlockRequest]] = [:]
    private var wantedHashes: [PeerKey: [HashRequest]] = [:]
    /// Pieces and blocks whose hash was right.
    private(set) var rightCount = 0
    private(set) var servedCount = 0
    let hasLayers: Bool

    private var geometry: PieceGeometry { sample.geometry }

    /// - Parameter isOnlyProof: of the hashes of version 2; `nil` for a torrent of version 1.
    init(isOnlyProof: Bool?, seed: UInt64) {
        random = SeededGenerator(seed: seed)
        let (geometry, trees, layers) = (sample.geometry, sample.trees, sample.layers)
        hasLayers = seed % 2 == 0
        let known = hasLayers ? layers : [:]
        var have = Bitfield(count: geometry.pieceCount)
        for piece in 0..<4 { have[PieceIndex(piece)] = true }
        swarm = Swarm(
            geometry: geometry,
            have: have,
            hashes: isOnlyProof.map {
                HashExchange(
                    geometry: geometry,
                    trees: trees,
                    layers: known,
                    isOnlyProof: $0
                )
            },
            ownID: peerID(0),
            seed: seed,
            now: now
        )
    }

    private mutating func number(_ range: Range<Int>) -> Int { .random(in: range, using: &random) }

    /// Now and then one that there is not.
    private mutating func piece() -> UInt32 {
        number(0..<200) == 0
            ? .random(in: 0 ... .max, using: &random)
            : UInt32(number(0..<geometry.pieceCount))
    }

    private mutating func block() -> BlockRequest {
        let piece = piece()
        guard geometry.contains(PieceIndex(rawValue: piece)), number(0..<200) != 0 else {
            return BlockRequest(
                piece: piece,
                offset: .random(in: 0 ... .max, using: &random),
                length: .random(in: 0 ... .max, using: &random)
            )
        }
        let index = PieceIndex(rawValue: piece)
        return BlockRequest(geometry.block(number(0..<geometry.blockCount(of: index)), of: index))
    }

    private mutating func hashRequest() -> HashRequest {
        HashRequest(
            root: sample.trees.trees[number(0..<sample.trees.trees.count)].root,
            baseLayer: UInt32(number(0..<4)),
            index: UInt32(number(0..<8)),
            length: number(0..<9) == 0
                ? .random(in: 0 ... .max, using: &random) : 1 << number(0..<5),
            proofLayerCount: UInt32(number(0..<6))
        )
    }

    mutating func step() {
        now += .milliseconds(number(0..<200))
        switch number(0..<30) {
        case 0, 1: connect()
        case 2: end()
        case 3: read()
        case 4: swarm.readerLeft(UInt64(number(0..<3)), now: now)
        case 5: swarm.lost([PieceIndex(number(0..<geometry.pieceCount))], now: now)
        case 6: swarm.timerFired(now: now)
        case 7: swarm.fetchWhole([.always, .whenNobodyWaits, nil][number(0..<3)], now: now)
        case 8...14: deliver()
        default: say()
        }
        perform()
        _ = swarm.standing()
        _ = swarm.nextDeadline
    }

    private mutating func connect() {
        guard live.count < Self.maximumPeers else { return }
        lastKey += 1
        let key = PeerKey(rawValue: lastKey)
        live.append(key)
        swarm.connected(
            key,
            address: localAddress(port: UInt16(1000 + number(0..<40))),
            isIncoming: number(0..<2) == 0,
            id: peerID(number(1..<40)),
            isFast: number(0..<2) == 0,
            speaksVersion2: number(0..<2) == 0,
            allowedFast: [PieceIndex(number(0..<geometry.pieceCount))],
            now: now
        )
    }

    private mutating func end() {
        guard let key = live.randomElement(using: &random) else { return }
        forget(key)
        swarm.disconnected(key, now: now)
    }

    private mutating func forget(_ key: PeerKey) {
        live.removeAll { $0 == key }
        asked[key] = nil
        wantedHashes[key] = nil
    }

    private mutating func read() {
        let tree = sample.trees.trees[number(0..<sample.trees.trees.count)]
        let start = geometry.offset(of: tree.firstPiece)
        let file = start..<start + tree.shape.length
        let offset = file.lowerBound + UInt64(number(0..<Int(tree.shape.length)))
        let reader = ReaderID(client: UInt64(number(0..<3)), file: UInt32(tree.file))
        let end = min(offset + UInt64(number(1..<200_000)), file.upperBound)
        swarm.read(offset..<end, in: file, by: reader, now: now)
    }

    /// What was asked for, or something else.
    private mutating func deliver() {
        guard let key = live.randomElement(using: &random) else { return }
        let isWanted = number(0..<10) != 0
        let block = (isWanted ? asked[key]?.popLast() : nil) ?? block()
        _ = swarm.receivedBlock(
            piece: block.piece,
            offset: block.offset,
            length: block.length,
            from: key,
            now: now
        )
    }

    private mutating func say() {
        guard let key = live.randomElement(using: &random) else { return }
        switch number(0..<18) {
        case 0: swarm.receivedUploadOnly(number(0..<2) == 0, from: key, now: now)
        case 1: swarm.receivedDontHave(piece(), from: key, now: now)
        case 2: swarm.limitRequests(of: key, to: number(1..<65_537), now: now)
        default: swarm.received(message(to: key), from: key, now: now)
        }
    }

    private mutating func message(to key: PeerKey) -> PeerMessage {
        switch number(0..<24) {
        case 0: return .choke
        case 1...3: return .unchoke
        case 4, 5: return .interested
        case 6: return .notInterested
        case 7...9: return .have(piece: piece())
        case 10: return .haveAll
        case 11: return .haveNone
        case 12: return .bitfield(Bitfield(full: geometry.pieceCount).bytes)
        case 13: return .suggest(piece: piece())
        case 14: return .allowedFast(piece: piece())
        case 15: return .reject(asked[key]?.popLast() ?? block())
        case 16: return .cancel(block())
        case 17: return .hashReject(wantedHashes[key]?.popLast() ?? hashRequest())
        case 18: return .hashRequest(hashRequest())
        case 19:
            let request = wantedHashes[key]?.popLast() ?? hashRequest()
            let digests = (0..<number(0..<20)).map { _ in sample.trees.trees[0].root }
            return .hashes(request, digests)
        default: return .request(block())
        }
    }

    private mutating func perform() {
        var actions = swarm.takeActions()[...]
        while let action = actions.popFirst() {
            switch action {
            case .send(.request(let block), let key): asked[key, default: []].append(block)
            case .send(.hashRequest(let request), let key):
                wantedHashes[key, default: []].append(request)
            case .close(let key, _): forget(key)
            case .dial(let address): swarm.dialFailed(address, now: now)
            case .serve(let block, let key):
                servedCount += 1
                if number(0..<5) == 0 {
                    swarm.serveFailed(block, to: key, now: now)
                } else {
                    swarm.served(block, to: key, now: now)
                }
            case .answerHashes(_, let key): swarm.answeredHashes(to: key, now: now)
            case .verify(let piece): verify(piece)
            case .prove(let block, _):
                if number(0..<10) == 0 {
                    swarm.refuted(block, now: now)
                } else {
                    rightCount += 1
                    swarm.proved(block, now: now)
                }
            default: break
            }
            actions += swarm.takeActions()
        }
    }

    private mutating func verify(_ piece: PieceIndex) {
        let count = geometry.blockCount(of: piece)
        let digests = (0..<count).map { _ in UInt64(number(0..<3)) }
        switch number(0..<6) {
        case 0: swarm.rejected(piece, blockDigests: digests, now: now)
        case 1: swarm.writeFailed(piece, now: now)
        default:
            rightCount += 1
            let wantsDigests = swarm.wantsBlockDigests(of: piece)
            swarm.verified(piece, blockDigests: wantsDigests ? digests : [], now: now)
        }
    }
}
