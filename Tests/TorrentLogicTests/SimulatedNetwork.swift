import BitTorrentProtocol
import TorrentLogic

/// Peers on a network in virtual time: each is a `Swarm` and does what its actions say.
///
/// A block's content is a number: the right one is a function of its place, so a wrong one is
/// noticed by comparing. Latency and upload rate are per node.
final class SimulatedNetwork {
    typealias Instant = ContinuousClock.Instant

    enum Conduct: Equatable {
        case honest
        /// Every so many served blocks one is wrong.
        case liar(every: Int)
        /// Takes requests and never serves them.
        case staller
    }

    final class Node {
        var swarm: Swarm
        let address: PeerAddress
        let id: PeerID
        let conduct: Conduct
        let bytesPerSecond: Double
        let latency: Duration
        /// Every copy that was kept.
        var blocks: [Block: [UInt64]] = [:]
        var connections: [PeerKey: (node: Int, key: PeerKey)] = [:]
        var freeAt: Instant
        var servedCount = 0
        var isGone = false
        var banned: [PeerAddress] = []
        /// Limits of its own, in addition to what all nodes share.
        var pace: TransferPace?
        var proved: [Block: Instant] = [:]
        var keptLayers: [SHA256Digest] = []
        var lackCount = 0
        /// Whether it speaks the messages of v2, and answers requests for hashes.
        var speaksVersion2 = true
        var answersHashes = true
        var closed: [CloseReason] = []

        init(
            swarm: Swarm,
            address: PeerAddress,
            id: PeerID,
            conduct: Conduct,
            bytesPerSecond: Double,
            latency: Duration,
            now: Instant
        ) {
            self.swarm = swarm
            self.address = address
            self.id = id
            self.conduct = conduct
            self.bytesPerSecond = bytesPerSecond
            self.latency = latency
            freeAt = now
        }
    }

    let geometry: PieceGeometry
    /// Of a v2 torrent.
    let hashTrees: HashTrees?
    let start = Instant.now
    private(set) var now: Instant
    private(set) var nodes: [Node] = []
    private var events: [(time: Instant, number: Int, run: () -> Void)] = []
    private var eventCount = 0
    private var keyCount: UInt64 = 0
    private let seed: UInt64
    /// What nodes with a pace share.
    var shared: [TransferDirection: Bandwidth<Int>] = [:]
    /// Whether peers speak the fast extension: half of all seeds.
    private var isFast: Bool { seed % 2 == 0 }

    init(geometry: PieceGeometry, hashTrees: HashTrees? = nil, seed: UInt64) {
        self.geometry = geometry
        self.hashTrees = hashTrees
        self.seed = seed
        now = start
    }

    func addNode(
        isSeed: Bool,
        conduct: Conduct = .honest,
        bytesPerSecond: Double = 4e6,
        latency: Duration = .milliseconds(20),
        limits: SwarmLimits = SwarmLimits(),
        layers: PieceLayers = [:],
        isHybrid: Bool = false
    ) -> Int {
        let number = nodes.count
        var have = Bitfield(count: geometry.pieceCount)
        if isSeed { for piece in 0..<geometry.pieceCount { have[PieceIndex(piece)] = true } }
        let id = peerID(number)
        let swarm = Swarm(
            geometry: geometry,
            have: have,
            hashes: hashTrees.map {
                HashExchange(
                    geometry: geometry,
                    trees: $0,
                    layers: layers,
                    isOnlyProof: !isHybrid
                )
            },
            ownID: id,
            limits: limits,
            seed: seed &+ UInt64(number),
            now: now
        )
        nodes.append(
            Node(
                swarm: swarm,
                address: localAddress(port: UInt16(6000 + number)),
                id: id,
                conduct: conduct,
                bytesPerSecond: bytesPerSecond,
                latency: latency,
                now: now
            )
        )
        return number
    }

    /// The content of a block as it should be.
    static func content(of block: Block) -> UInt64 {
        var generator = SeededGenerator(
            seed: UInt64(block.piece.rawValue) << 32 | UInt64(block.offset)
        )
        return generator.next()
    }

    func at(_ time: Duration, run: @escaping () -> Void) { schedule(start + time, run) }

    /// Tells a node something and performs what it decides.
    func tell(_ number: Int, _ event: (inout Swarm, Instant) -> Void) {
        guard !nodes[number].isGone else { return }
        event(&nodes[number].swarm, now)
        perform(number)
    }

    /// The node's connections break and it answers no more.
    func leave(_ number: Int) {
        nodes[number].isGone = true
        for (_, other) in nodes[number].connections.sorted(by: { $0.key < $1.key }) {
            nodes[other.node].connections[other.key] = nil
            tell(other.node) { $0.disconnected(other.key, now: $1) }
        }
        nodes[number].connections = [:]
    }

    /// Runs until the condition holds.
    ///
    /// - Returns: the time it took, or `nil` if the limit was reached first.
    func run(until limit: Duration, _ isDone: () -> Bool) -> Duration? {
        while !isDone() {
            let timer = nodes.indices.compactMap { number -> (Instant, Int)? in
                let node = nodes[number]
                let times = [node.swarm.nextDeadline, node.pace?.askAgainAt].compactMap { $0 }
                guard !node.isGone, let time = times.min() else { return nil }
                return (time, number)
            }.min { $0 < $1 }
            if let event = events.first, timer.map({ event.time <= $0.0 }) ?? true {
                now = max(now, event.time)
                popEvent().run()
            } else if let timer {
                now = max(now, timer.0)
                tell(timer.1) { $0.timerFired(now: $1) }
            } else {
                return nil
            }
            if now - start > limit { return nil }
        }
        return now - start
    }

    private func perform(_ number: Int) {
        for action in nodes[number].swarm.takeActions() { perform(action, by: number) }
        keepPace(number)
    }

    /// Limits a node by itself, or makes it obey what all such nodes share.
    func limit(_ number: Int, _ rates: TransferRates = TransferRates()) {
        nodes[number].pace = TransferPace(rates: rates, now: now)
        for direction in TransferDirection.allCases {
            let isShared = shared[direction]?.isLimited ?? false
            nodes[number].swarm.setLimited(
                rates[direction] > 0 || isShared,
                direction,
                now: now
            )
        }
        perform(number)
    }

    /// As a torrent does after each turn.
    private func keepPace(_ number: Int) {
        guard nodes[number].pace != nil else { return }
        nodes[number].pace?.begin(now: now)
        for direction in TransferDirection.allCases {
            let node = nodes[number]
            let need = node.swarm.need(direction)
            let granted = node.pace?.grant(need, direction, now: now) { need in
                shared[direction]?.grant(need, to: number, now: now) ?? need.total
            }
            guard let granted, granted > 0 else { continue }
            node.swarm.granted(granted, direction, now: now)
            for action in node.swarm.takeActions() { perform(action, by: number) }
        }
    }

    private func perform(_ action: Swarm.Action, by number: Int) {
        let node = nodes[number]
        switch action {
        case .send(let message, let key):
            guard let other = node.connections[key] else { return }
            schedule(now + node.latency) { [self] in
                guard nodes[other.node].connections[other.key] != nil else { return }
                tell(other.node) { $0.received(message, from: other.key, now: $1) }
            }
        case .serve(let block, let key): serve(block, to: key, by: number)
        case .verify(let piece):
            schedule(now + .milliseconds(2)) { [self] in verify(piece, by: number) }
        case .prove(let block, let leaf):
            schedule(now + .milliseconds(1)) { [self] in prove(block, leaf, by: number) }
        case .lackHashes: node.lackCount += 1
        case .keepLayer(let root): node.keptLayers.append(root)
        case .answerHashes(let answer, let key): answerHashes(answer, to: key, by: number)
        case .discard(let piece):
            node.blocks = node.blocks.filter { $0.key.piece != piece }
        case .dial(let address): dial(address, by: number)
        case .close(let key, let reason):
            node.closed.append(reason)
            guard let other = node.connections.removeValue(forKey: key) else { return }
            schedule(now + node.latency) { [self] in
                guard nodes[other.node].connections.removeValue(forKey: other.key) != nil else {
                    return
                }
                tell(other.node) { $0.disconnected(other.key, now: $1) }
            }
        case .banned(let address, _): node.banned.append(address)
        case .tellLost(let piece, let key):
            guard let other = node.connections[key] else { return }
            schedule(now + node.latency) { [self] in
                guard nodes[other.node].connections[other.key] != nil else { return }
                tell(other.node) { $0.receivedDontHave(piece.rawValue, from: other.key, now: $1) }
            }
        case .tellUploadOnly(let isUploadOnly):
            for other in node.connections.values {
                schedule(now + node.latency) { [self] in
                    guard nodes[other.node].connections[other.key] != nil else { return }
                    tell(other.node) {
                        $0.receivedUploadOnly(isUploadOnly, from: other.key, now: $1)
                    }
                }
            }
        }
    }

    private func dial(_ address: PeerAddress, by number: Int) {
        let latency = nodes[number].latency * 2
        schedule(now + latency) { [self] in
            guard let other = nodes.firstIndex(where: { $0.address == address && !$0.isGone })
            else { return tell(number) { $0.dialFailed(address, now: $1) } }
            connect(from: number, to: other)
        }
    }

    /// Connects two nodes, whether or not the first asked for it.
    func connect(from number: Int, to other: Int) {
        keyCount += 1
        let key = PeerKey(rawValue: keyCount)
        nodes[number].connections[key] = (other, key)
        nodes[other].connections[key] = (number, key)
        let ids = (nodes[number].id, nodes[other].id)
        let source = localAddress(port: UInt16(40000 + keyCount % 20000))
        let address = nodes[other].address
        let isFast = isFast
        let speaksVersion2 =
            hashTrees != nil && nodes[number].speaksVersion2 && nodes[other].speaksVersion2
        tell(other) {
            $0.connected(
                key,
                address: source,
                isIncoming: true,
                id: ids.0,
                isFast: isFast,
                speaksVersion2: speaksVersion2,
                now: $1
            )
        }
        tell(number) {
            $0.connected(
                key,
                address: address,
                isIncoming: false,
                id: ids.1,
                isFast: isFast,
                speaksVersion2: speaksVersion2,
                now: $1
            )
        }
    }

    private func serve(_ block: Block, to key: PeerKey, by number: Int) {
        let node = nodes[number]
        guard node.conduct != .staller else { return }
        node.servedCount += 1
        var content = Self.content(of: block)
        if case .liar(let every) = node.conduct, node.servedCount % every == 0 { content ^= 1 }
        node.freeAt =
            max(node.freeAt, now) + .seconds(Double(block.length) / node.bytesPerSecond)
        schedule(node.freeAt) { [self] in
            guard let other = node.connections[key] else { return }
            tell(number) { $0.served(block, to: key, now: $1) }
            schedule(now + node.latency) { [self] in
                let receiver = nodes[other.node]
                guard receiver.connections[other.key] != nil else { return }
                tell(other.node) {
                    let kept = $0.receivedBlock(
                        piece: block.piece.rawValue,
                        offset: block.offset,
                        length: block.length,
                        from: other.key,
                        now: $1
                    )
                    if let kept { receiver.blocks[kept, default: []].append(content) }
                }
            }
        }
    }

    /// The leaf of a block whose content is a number.
    static func leaf(_ content: UInt64) -> SHA256Digest {
        SHA256Digest(hashing: (0..<8).map { UInt8(truncatingIfNeeded: content >> (8 * $0)) })
    }

    private func prove(_ block: Block, _ leaf: SHA256Digest, by number: Int) {
        let content = nodes[number].blocks.removeValue(forKey: block)?.first
        if let content, Self.leaf(content) == leaf {
            nodes[number].proved[block] = now
            tell(number) { $0.proved(block, now: $1) }
        } else {
            tell(number) { $0.refuted(block, now: $1) }
        }
    }

    private func answerHashes(_ answer: HashAnswer, to key: PeerKey, by number: Int) {
        let node = nodes[number]
        guard node.answersHashes, let other = node.connections[key] else { return }
        let leaves = answer.pieces.flatMap { piece in
            (0..<geometry.blockCount(of: PieceIndex(piece))).map {
                Self.leaf(Self.content(of: geometry.block($0, of: PieceIndex(piece))))
            }
        }
        let message = PeerMessage.hashes(answer.request, answer.hashes(leaves: leaves))
        schedule(now + node.latency) { [self] in
            tell(number) { $0.answeredHashes(to: key, now: $1) }
            guard nodes[other.node].connections[other.key] != nil else { return }
            tell(other.node) { $0.received(message, from: other.key, now: $1) }
        }
    }

    private func verify(_ piece: PieceIndex, by number: Int) {
        let blocks = (0..<geometry.blockCount(of: piece)).map { geometry.block($0, of: piece) }
        let contents = blocks.map { nodes[number].blocks[$0] ?? [] }
        if let copies = nodes[number].swarm.copies(of: piece) {
            return search(copies, of: contents, for: piece, by: number)
        }
        // A missing block would be a fault of the swarm's bookkeeping, so it counts as wrong.
        let digests = contents.map { $0.first ?? 0 }
        for block in blocks { nodes[number].blocks[block] = nil }
        let isRight = digests == blocks.map(Self.content)
        var kept: [Int] = []
        defer { for block in kept { nodes[number].blocks[blocks[block]] = [digests[block]] } }
        tell(number) {
            if isRight {
                $0.verified(
                    piece,
                    blockDigests: $0.wantsBlockDigests(of: piece) ? digests : [],
                    now: $1
                )
            } else {
                kept = $0.rejected(piece, blockDigests: digests, now: $1)
            }
        }
    }

    /// Looks for the right ones among the copies of a piece's blocks.
    private func search(
        _ copies: PieceCopies,
        of contents: [[UInt64]],
        for piece: PieceIndex,
        by number: Int
    ) {
        var copies = copies
        for (block, all) in contents.enumerated() {
            for content in all[copies.digests[block].count...] { copies.know(content, of: block) }
        }
        let right = contents.indices.map { Self.content(of: geometry.block($0, of: piece)) }
        let selection = copies.search { selection in
            zip(contents, selection).map { $0[$1] } == right
        }
        tell(number) {
            if selection != nil {
                $0.verified(piece, blockDigests: right, copies: copies, now: $1)
            } else {
                $0.rejected(piece, blockDigests: [], copies: copies, now: $1)
            }
        }
    }

    private func schedule(_ time: Instant, _ run: @escaping () -> Void) {
        eventCount += 1
        events.append((time, eventCount, run))
        var child = events.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            events.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private func popEvent() -> (time: Instant, number: Int, run: () -> Void) {
        events.swapAt(0, events.count - 1)
        let event = events.removeLast()
        var parent = 0
        while true {
            let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < events.count }
            guard let least = children.min(by: { precedes($0, $1) }), precedes(least, parent)
            else { return event }
            events.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ left: Int, _ right: Int) -> Bool {
        (events[left].time, events[left].number) < (events[right].time, events[right].number)
    }
}

func localAddress(port: UInt16) -> PeerAddress { address([127, 0, 0, 1], port) }

func address(_ host: [UInt8], _ port: UInt16) -> PeerAddress {
    guard let address = PeerAddress(host: host, port: port) else {
        preconditionFailure("not an address")
    }
    return address
}

func peerID(_ number: Int) -> PeerID {
    guard let id = PeerID(bytes: Array("-SL0001-".utf8) + Array("\(100_000_000_000 + number)".utf8))
    else { preconditionFailure("not a peer id") }
    return id
}
