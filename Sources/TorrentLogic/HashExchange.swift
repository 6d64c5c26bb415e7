package import BitTorrentProtocol

/// From whom the hashes of a v2 torrent are asked, and who gets ours (BEP 52).
///
/// What nobody gives is done without: a piece whose leaves are not here is verified as a whole, and
/// only one whose own hash is missing waits for it.
package struct HashExchange: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package struct Limits: Sendable {
        /// Requests that wait at one peer.
        package var requestsPerPeer = 4
        /// Requests that wait or are to be made; more are made later or not at all.
        package var wantedCount = 256
        /// How long an answer may take before another peer is asked.
        package var patience = Duration.seconds(5)
        /// How long blocks wait for their leaves before all of the piece is fetched to do without.
        package var leafPatience = Duration.seconds(1)
        /// Requests of one peer that wait for their answer; more are rejected.
        package var answersPerPeer = 8
        /// Answers that are being made at a time: each may read and hash 8 MiB.
        package var answersInFlight = 2

        package init() {}
    }

    package enum Action: Equatable, Sendable {
        case send(PeerMessage, to: PeerKey)
        /// The hashes of all pieces of the file with this root are here: keep them.
        case keepLayer(root: SHA256Digest)
        /// For the log: no peer gives the hashes without which pieces cannot be verified.
        case lack
        /// Hash what the answer needs and send it, then report `answered`.
        case answer(HashAnswer, to: PeerKey)
    }

    /// What came of an answer.
    package enum Outcome: Equatable, Sendable {
        /// It was not asked for, or not any more.
        case ignored
        /// The peer lies.
        case wrong
        /// The pieces of which more is known now.
        case learned([PieceIndex])
    }

    private struct Wanted {
        let request: HashRequest
        /// Those for whose sake it is wanted; files of the same content have the same hashes.
        var pieces: [PieceIndex]
        var asked: (peer: PeerKey, at: Instant)?
        var firstAsked: Instant?
    }

    private struct Peer {
        var inFlightCount = 0
        /// What it rejected or did not answer.
        var refused: Set<HashRequest> = []
        var answerCount = 0
    }

    private static let maximumRefused = 1024

    package private(set) var known: KnownHashes
    private let geometry: PieceGeometry
    private let limits: Limits
    private var peers: [PeerKey: Peer] = [:]
    /// In the order of need.
    private var wanted: [Wanted] = []
    /// Pieces whose hashes are wanted, or here: not to be looked at with every block.
    private var sought: Set<PieceIndex> = []
    private var answers: [(answer: HashAnswer, peer: PeerKey)] = []
    private var answersInFlight = 0
    /// The first file of each root; made when a peer asks for the first time.
    private var positions: [SHA256Digest: Int]?
    private var actions: [Action] = []

    package init(
        geometry: PieceGeometry,
        trees: HashTrees,
        layers: PieceLayers,
        isOnlyProof: Bool = true,
        limits: Limits = Limits()
    ) {
        self.geometry = geometry
        self.limits = limits
        known = KnownHashes(trees: trees, layers: layers, isOnlyProof: isOnlyProof)
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions = [] }
        return actions
    }

    /// Whether there is something to `ask` for.
    package var hasOpenWants: Bool { !peers.isEmpty && wanted.contains { $0.asked == nil } }

    /// Whether an answer is awaited, so that `expire` is to be called now and then.
    package var isWaiting: Bool { wanted.contains { $0.asked != nil } }

    // MARK: Peers

    /// A peer with whom the messages of v2 are spoken.
    package mutating func connected(_ key: PeerKey) { peers[key] = Peer() }

    package mutating func disconnected(_ key: PeerKey) {
        guard peers.removeValue(forKey: key) != nil else { return }
        for index in wanted.indices where wanted[index].asked?.peer == key {
            wanted[index].asked = nil
        }
        answers.removeAll { $0.peer == key }
    }

    // MARK: Asking

    /// Whether `want` was called for the piece, which is then enough.
    package func seeks(_ piece: PieceIndex) -> Bool { sought.contains(piece) }

    /// Whether the leaves of the piece are here or on their way, so that its blocks can be verified
    /// one by one.
    ///
    /// - Parameter hasPeers: somebody is connected, with whom the messages of v2 are spoken or not.
    package func promisesLeaves(of piece: PieceIndex, hasPeers: Bool, now: Instant) -> Bool {
        if known.hasLeaves(of: piece) { return true }
        guard !peers.isEmpty || !hasPeers else { return false }
        guard sought.contains(piece) else { return wanted.count < limits.wantedCount }
        let missing = wanted.filter { $0.pieces.contains(piece) }
        return !missing.isEmpty
            && missing.allSatisfy { wanted in
                let isLate = wanted.firstAsked.map { now - $0 >= limits.leafPatience } ?? false
                let isRefused =
                    !peers.isEmpty
                    && peers.values.allSatisfy { $0.refused.contains(wanted.request) }
                return !isLate && !isRefused
            }
    }

    /// The piece is to be fetched: its hash is wanted, and after that the leaves of its blocks.
    package mutating func want(_ piece: PieceIndex) {
        let missing = known.missing(of: piece, blockCount: geometry.blockCount(of: piece))
        if wanted.count + missing.count <= limits.wantedCount { sought.insert(piece) }
        for request in missing {
            if let index = wanted.firstIndex(where: { $0.request == request }) {
                if !wanted[index].pieces.contains(piece) { wanted[index].pieces.append(piece) }
            } else if wanted.count < limits.wantedCount {
                wanted.append(Wanted(request: request, pieces: [piece]))
            }
        }
    }

    /// The piece is whole, or not to be fetched.
    package mutating func forget(_ piece: PieceIndex) {
        known.forget(piece)
        sought.remove(piece)
        for index in wanted.indices.reversed() {
            wanted[index].pieces.removeAll { $0 == piece }
            // What is asked for already may still be answered.
            if wanted[index].pieces.isEmpty, wanted[index].asked == nil { wanted.remove(at: index) }
        }
    }

    /// Asks for what is wanted.
    ///
    /// - Parameter has: whether a peer has a piece, and so the hashes of its blocks.
    package mutating func ask(now: Instant, has: (PeerKey, PieceIndex) -> Bool) {
        guard !peers.isEmpty else { return }
        for index in wanted.indices where wanted[index].asked == nil {
            let request = wanted[index].request
            guard let piece = wanted[index].pieces.first else { continue }
            let candidates = peers.filter {
                $0.value.inFlightCount < limits.requestsPerPeer
                    && !$0.value.refused.contains(request) && has($0.key, piece)
            }
            let least = candidates.min {
                ($0.value.inFlightCount, $0.key) < ($1.value.inFlightCount, $1.key)
            }
            guard let key = least?.key else { continue }
            peers[key]?.inFlightCount += 1
            wanted[index].asked = (key, now)
            wanted[index].firstAsked = wanted[index].firstAsked ?? now
            actions.append(.send(.hashRequest(request), to: key))
        }
    }

    /// Gives up on peers that did not answer in time.
    package mutating func expire(now: Instant) {
        for index in wanted.indices {
            guard let asked = wanted[index].asked, now - asked.at >= limits.patience else {
                continue
            }
            refuse(index, by: asked.peer)
        }
    }

    /// A peer has answered.
    package mutating func received(
        _ hashes: [SHA256Digest],
        for request: HashRequest,
        from key: PeerKey
    ) -> Outcome {
        guard let index = wanted.firstIndex(where: { $0.request == request }) else {
            return .ignored
        }
        if let asked = wanted[index].asked?.peer {
            // A late answer is as good as any.
            peers[asked]?.inFlightCount -= 1
        }
        wanted[index].asked = nil
        let pieces = wanted[index].pieces
        guard !pieces.isEmpty else {
            wanted.remove(at: index)
            return .ignored
        }
        var completesLayer = false
        for piece in pieces {
            let answer = known.take(
                hashes,
                for: request,
                of: piece,
                blockCount: geometry.blockCount(of: piece)
            )
            guard case .taken(let completes) = answer else { return .wrong }
            completesLayer = completesLayer || completes
        }
        wanted.remove(at: index)
        if completesLayer { actions.append(.keepLayer(root: request.root)) }
        return .learned(pieces)
    }

    package mutating func rejected(_ request: HashRequest, by key: PeerKey) {
        guard
            let index = wanted.firstIndex(where: {
                $0.request == request && $0.asked?.peer == key
            })
        else { return }
        refuse(index, by: key)
    }

    private mutating func refuse(_ index: Int, by key: PeerKey) {
        peers[key]?.inFlightCount -= 1
        if peers[key]?.refused.count ?? 0 >= Self.maximumRefused { peers[key]?.refused.removeAll() }
        let request = wanted[index].request
        peers[key]?.refused.insert(request)
        wanted[index].asked = nil
        if known.isOnlyProof, let piece = wanted[index].pieces.first,
            known.hash(of: piece) == nil, !peers.isEmpty,
            peers.values.allSatisfy({ $0.refused.contains(request) })
        {
            actions.append(.lack)
        }
    }

    // MARK: Answering

    /// A peer asks; whether we choke it is of no account.
    package mutating func requested(_ request: HashRequest, by key: PeerKey, have: Bitfield) {
        guard let peer = peers[key], peer.answerCount < limits.answersPerPeer,
            let answer = answer(to: request),
            answer.pieces.allSatisfy({ have[PieceIndex($0)] })
        else { return actions.append(.send(.hashReject(request), to: key)) }
        peers[key]?.answerCount += 1
        answers.append((answer, key))
        answerNext()
    }

    /// An answer was sent or could not be made.
    package mutating func answered(_ key: PeerKey) {
        answersInFlight -= 1
        peers[key]?.answerCount -= 1
        answerNext()
    }

    private mutating func answerNext() {
        while answersInFlight < limits.answersInFlight, !answers.isEmpty {
            let (answer, key) = answers.removeFirst()
            answersInFlight += 1
            actions.append(.answer(answer, to: key))
        }
    }

    private mutating func answer(to request: HashRequest) -> HashAnswer? {
        if positions == nil {
            let trees = known.trees.trees
            positions = Dictionary(
                trees.indices.map { (trees[$0].root, $0) },
                uniquingKeysWith: { first, _ in first }
            )
        }
        guard let position = positions?[request.root] else { return nil }
        return HashAnswer(
            request,
            tree: known.trees.trees[position],
            layer: known.layers[request.root]
        )
    }
}
