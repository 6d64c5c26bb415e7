package import BitTorrentProtocol

// The hashes of v2 (BEP 52): how blocks are proved, who is asked for hashes and who gets ours.
extension Swarm {
    /// What is known of the hash trees; `nil` for a v1 torrent.
    package var knownHashes: KnownHashes? { hashes?.known }

    /// The block is what its leaf says, and written.
    package mutating func proved(_ block: Block, now: Instant) {
        guard !isStopped, !have[block.piece],
            hashes?.known.hasLeaves(of: block.piece) == true
        else { return }
        // The piece may have been given up meanwhile, and begun anew.
        if case .needed(let requestCount) = picker.received(block), requestCount > 0 {
            cancelCopies(of: block, now: now)
        }
        if assembler.proved(block) {
            verified(block.piece, now: now)
        } else if let part = plan.parts[block.piece],
            part.allSatisfy({ assembler.isProved($0, of: block.piece) })
        {
            // All that is wanted of it is here.
            abandon(block.piece, now: now)
            replan(now: now, always: true)
        }
    }

    /// What there is to know of unfinished pieces for a plan.
    func progress(now: Instant) -> DemandPlan.Progress {
        let (picker, assembler, hashes) = (picker, assembler, hashes)
        let hasPeers = !peers.isEmpty
        return DemandPlan.Progress(
            isUnderWay: { picker.isUnderWay($0) },
            comesInBlocks: { piece in
                hashes?.promisesLeaves(of: piece, hasPeers: hasPeers, now: now) ?? false
            },
            isProved: { assembler.isProved($0, of: $1) }
        )
    }

    /// The block is not what its leaf says: it is fetched again, and who sent it is banned.
    package mutating func refuted(_ block: Block, now: Instant) {
        guard !isStopped else { return }
        let liar = assembler.refuted(block)
        picker.refuted(block)
        if let liar { ban(liar, piece: block.piece, now: now) }
        requestMore(now: now)
        dial(now: now)
        reschedule(now: now)
    }

    /// An answer was sent to the peer, or could not be made.
    package mutating func answeredHashes(to key: PeerKey, now: Instant) {
        guard !isStopped else { return }
        hashes?.answered(key)
        performHashActions(now: now)
    }

    /// Whether all bytes of a range are verified: its pieces, or its blocks in them.
    func isVerified(_ range: Range<UInt64>) -> Bool {
        let inside = range.clamped(to: 0..<geometry.totalLength)
        return geometry.pieces(covering: inside).lazy.map { PieceIndex($0) }.allSatisfy { piece in
            have[piece]
                || assembler.isProved(geometry.blocks(of: piece, covering: inside), of: piece)
        }
    }

    /// Blocks are verified one by one, so that it matters which come first.
    mutating func prefer(_ range: Range<UInt64>) {
        guard hashes != nil else { return }
        let inside = range.clamped(to: 0..<geometry.totalLength)
        for piece in geometry.pieces(covering: inside).map({ PieceIndex($0) }) where !have[piece] {
            let blocks = geometry.blocks(of: piece, covering: inside)
            if !blocks.isEmpty { picker.prefer(blocks, of: piece) }
        }
    }

    mutating func wantHashes(of pieces: [PieceIndex], now: Instant) {
        guard hashes != nil, !pieces.isEmpty else { return }
        for piece in pieces.prefix(Self.maximumLackingPieces) { hashes?.want(piece) }
        askForHashes(now: now)
    }

    mutating func askForHashes(now: Instant) {
        guard hashes?.hasOpenWants == true else { return }
        let peers = peers
        hashes?.ask(now: now) { key, piece in
            peers.index(of: key).map { peers[$0].has[piece] } ?? false
        }
        performHashActions(now: now)
        if hashes?.isWaiting == true { scheduleTick(now: now) }
    }

    mutating func receivedHashMessage(_ message: PeerMessage, from index: Int, now: Instant) {
        let key = peers[index].key
        switch message {
        case .hashRequest(let request):
            hashes?.requested(request, by: key, have: have)
            performHashActions(now: now)
        case .hashReject(let request):
            hashes?.rejected(request, by: key)
            askForHashes(now: now)
        case .hashes(let request, let digests):
            switch hashes?.received(digests, for: request, from: key) {
            case .wrong: violation(index, "hashes that do not fit the torrent", now: now)
            case .learned(let pieces): learned(of: pieces, now: now)
            case .ignored, nil: break
            }
        default: break
        }
    }

    private mutating func learned(of pieces: [PieceIndex], now: Instant) {
        performHashActions(now: now)
        for piece in pieces where !have[piece] {
            // Its leaves are next, now that its own hash is here.
            hashes?.want(piece)
            for number in assembler.provableBlocks(of: piece) {
                let block = geometry.block(number, of: piece)
                guard let leaf = hashes?.known.leaf(of: block) else { break }
                actions.append(.prove(block, leaf: leaf))
            }
        }
        requestMore(now: now)
    }

    private mutating func performHashActions(now: Instant) {
        for action in hashes?.takeActions() ?? [] {
            switch action {
            case .send(let message, let key):
                if let index = peers.index(of: key) { send(message, to: index, now: now) }
            case .lack: actions.append(.lackHashes)
            case .keepLayer(let root): actions.append(.keepLayer(root: root))
            case .answer(let answer, let key): actions.append(.answerHashes(answer, to: key))
            }
        }
    }
}
