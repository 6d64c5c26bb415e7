package import BitTorrentProtocol

// What arrives, and what becomes of finished pieces.
extension Swarm {
    /// A `piece` message arrived.
    ///
    /// - Returns: the block whose payload is to be kept until `verify` or `discard` of its piece;
    ///   `nil` if the payload is to be dropped (late duplicate, never asked for, out of range).
    package mutating func receivedBlock(
        piece: UInt32,
        offset: UInt32,
        length: UInt32,
        from key: PeerKey,
        now: Instant
    ) -> Block? {
        guard let index = peers.index(of: key) else { return nil }
        peers[index].lastReceived = now
        peers[index].hasSpoken = true
        receivedByteCount += UInt64(length)
        guard let block = geometry.block(piece: piece, offset: offset, length: length) else {
            wastedByteCount += UInt64(length)
            violation(index, "piece message that is no block of the torrent", now: now)
            return nil
        }
        let wasInFlight = peers[index].pipeline.received(block, now: now)
        if typicalRate == nil, peers[index].pipeline.rate != nil { measureSwarm() }
        guard wasInFlight || peers[index].voided.take(block) else {
            wastedByteCount += UInt64(length)
            peers[index].unsolicitedByteCount += UInt64(length)
            if peers[index].unsolicitedByteCount > limits.maximumUnsolicitedByteCount {
                violation(index, "blocks that nobody asked for", now: now)
            }
            return nil
        }
        if !wasInFlight { peers[index].pipeline.straggled(now: now) }
        peers[index].receivedInRound += UInt64(length)
        let isWanted =
            picker.isUnfinished(block.piece) && (wasInFlight || picker.accepts(block, from: key))
        let isDoubted = isWanted && assembler.isDoubted(block.piece)
        var isNeeded = false
        if isWanted, case .needed(let requestCount) = picker.received(block) {
            isNeeded = true
            peers[index].wasUseful = true
            if let number = key.webSeedNumber { webSeeds.delivered(number) }
            hedgeBudget.received(Int(length))
            if requestCount > (wasInFlight ? 1 : 0), !isDoubted {
                cancelCopies(of: block, now: now)
            }
        } else {
            wastedByteCount += UInt64(length)
            guard isDoubted else {
                requestMore(from: index, now: now)
                return nil
            }
        }
        let progress = assembler.received(block, from: key)
        if isDoubted, progress == .duplicate {
            // If it was to settle something, nobody else was left to ask.
            if isNeeded { fetchAnew(block.piece, now: now) }
            requestMore(from: index, now: now)
            return nil
        }
        if let leaf = hashes?.known.leaf(of: block) {
            actions.append(.prove(block, leaf: leaf))
        } else if progress == .complete
            || progress != .duplicate && assembler.isWorthTrying(block.piece)
        {
            assembler.beginVerifying(block.piece)
            actions.append(.verify(block.piece))
        }
        refill(from: index, now: now)
        return block
    }

    /// True if the piece was rejected before: then `verified` wants the digests of its blocks.
    package func wantsBlockDigests(of piece: PieceIndex) -> Bool { assembler.hasFailed(piece) }

    /// The piece's hash is right and its bytes are written.
    ///
    /// - Parameters:
    ///   - blockDigests: with copies, or if `wantsBlockDigests`, eight bytes of a cryptographic hash of
    ///     each block, in order; else empty.
    ///   - copies: what `copies(of:)` gave when it was to be verified, with all digests.
    package mutating func verified(
        _ piece: PieceIndex,
        blockDigests: [UInt64] = [],
        copies: PieceCopies? = nil,
        now: Instant
    ) {
        precondition(geometry.contains(piece))
        precondition(copies == nil || blockDigests.count == geometry.blockCount(of: piece))
        guard !have[piece] else { return }
        have[piece] = true
        if picker.isPlanned(piece) {
            missingCount = max(0, missingCount - 1)
            lastDemand = now
        }
        picker.drop(piece)
        hashes?.forget(piece)
        for index in peers.indices where peers[index].has[piece] { peers[index].offerCount -= 1 }
        announce(piece, now: now)
        if copies != nil { endCopies(of: piece, now: now) }
        for liar in assembler.passed(piece, blockDigests: blockDigests, copies: copies) {
            ban(liar, piece: piece, now: now)
        }
        if have.isComplete { closeSuperfluous(now: now) }
        refillBackground(now: now)
        // Room among the unfinished pieces.
        requestMore(now: now)
    }

    /// The piece's hash is wrong; the owner drops its blocks but those that are returned, or keeps all
    /// if copies are kept.
    ///
    /// - Parameters:
    ///   - blockDigests: eight bytes of a cryptographic hash of each block, in order.
    ///   - copies: what `copies(of:)` gave when it was to be verified, with all digests; no selection of
    ///     them is right.
    /// - Returns: numbers of blocks to keep: they are right all the same and do not come again, or more
    ///   copies of them come.
    @discardableResult
    package mutating func rejected(
        _ piece: PieceIndex,
        blockDigests: [UInt64],
        copies: PieceCopies? = nil,
        now: Instant
    ) -> [Int] {
        precondition(geometry.contains(piece))
        let kept: [Int]
        if let copies {
            rejectedCopies(of: piece, copies, now: now)
            kept = []
        } else {
            kept = rejectedAttempt(at: piece, blockDigests: blockDigests, now: now)
            makeWay(for: piece, now: now)
        }
        restProbableLiars(now: now)
        requestMore(now: now)
        dial(now: now)
        reschedule(now: now)
        return kept
    }

    private mutating func rejectedAttempt(
        at piece: PieceIndex,
        blockDigests: [UInt64],
        now: Instant
    ) -> [Int] {
        let convicted = assembler.failed(piece, blockDigests: blockDigests)
        picker.restart(piece)
        for liar in convicted { ban(liar, piece: piece, now: now) }
        // A web seed stays after its first wrong piece, but is the last to be asked for this one.
        let remaining = convicted.filter { peers.index(of: $0) != nil }
        let kept = remaining.isEmpty ? fetchFromMany(piece, now: now) : nil
        if kept == nil, convicted.isEmpty || !remaining.isEmpty {
            fetchAlone(piece, otherThanFrom: remaining, now: now)
        }
        // What came is kept, so that copies of it settle which of it is right.
        guard kept != nil, hashes == nil, assembler.doubtWhatFailed(piece) else {
            return kept ?? []
        }
        return Array(blockDigests.indices)
    }

    /// The piece could not be hashed or written, through no fault of a peer; the owner has dropped
    /// its blocks.
    ///
    /// It is asked for again after a while.
    package mutating func writeFailed(_ piece: PieceIndex, now: Instant) {
        precondition(geometry.contains(piece))
        giveUp(piece)
        picker.suspend(piece)
        resumeAt = now + Self.writeRetry
        replan(now: now, always: true)
        reschedule(now: now)
    }

    /// Gives up an unfinished piece: nobody wants it, or its room is needed.
    mutating func abandon(_ piece: PieceIndex, now: Instant) {
        giveUp(piece)
        cancelAll(of: piece, now: now)
        actions.append(.discard(piece))
    }

    /// Blocks that are proved stay so.
    private mutating func giveUp(_ piece: PieceIndex) {
        assembler.discard(piece)
        let proved = assembler.provedBlocks(of: piece)
        picker.drop(piece, keeping: proved)
        if proved.isEmpty { hashes?.forget(piece) }
    }

    mutating func cancelCopies(of block: Block, now: Instant) {
        for index in peers.indices where peers[index].pipeline.contains(block) {
            cancel(block, at: index, now: now)
            requestMore(from: index, now: now)
        }
    }

    /// - Returns: false if the peer was not asked for the block.
    @discardableResult
    mutating func cancel(_ block: Block, at index: Int, now: Instant) -> Bool {
        guard peers[index].pipeline.cancel(block, now: now) else { return false }
        peers[index].void(block)
        send(.cancel(BlockRequest(block)), to: index, now: now)
        return true
    }

    /// A piece was wrong: what is in doubt of it is fetched again, from many.
    ///
    /// - Returns: the blocks that are not; `nil` if it is better to ask one alone.
    private mutating func fetchFromMany(_ piece: PieceIndex, now: Instant) -> [Int]? {
        let sources = Set(sources(of: piece, now: now).map(\.key))
        guard let avoided = assembler.avoided(of: piece, sources: sources) else { return nil }
        let kept = assembler.keepAgreed(of: piece)
        picker.failed(piece, avoiding: avoided, sources: sources, keeping: kept)
        return kept
    }

    /// A piece was wrong: it is fetched again from one peer, which shows whether that one lies.
    ///
    /// - Parameter convicted: who is known to have sent it wrong.
    mutating func fetchAlone(
        _ piece: PieceIndex,
        otherThanFrom convicted: [PeerKey],
        now: Instant
    ) {
        let sources = sources(of: piece, now: now)
        let others = sources.filter { !convicted.contains($0.key) }
        let best = soonest(among: others.isEmpty ? sources : others, toHave: piece, now: now)
        picker.failed(piece, onlyFrom: best)
    }

    /// Who has the piece and would deliver.
    func sources(of piece: PieceIndex, now: Instant) -> [Peer] {
        peers.filter {
            !$0.isChokingUs && $0.has[piece] && !$0.pipeline.isSilent(now: now)
                && !$0.pipeline.isFailing
        }
    }

    /// Asks nothing of those who probably lie until pieces have come without them and say who does,
    /// unless few others are left.
    private mutating func restProbableLiars(now: Instant) {
        let liars = Set(assembler.probableLiars)
        guard !liars.isEmpty else { return }
        let others = peers.count { $0.mayBeAsked && !liars.contains($0.key) }
        for index in peers.indices
        where liars.contains(peers[index].key) && !peers[index].isWebSeed && others > liars.count {
            peers[index].restsUntil = now + limits.liarRest
        }
        scheduleTick(now: now)
    }

    /// The peer that would have the piece soonest if it is fetched from it alone; one above suspicion
    /// may take twice as long.
    private func soonest(
        among peers: [Peer],
        toHave piece: PieceIndex,
        now: Instant
    ) -> PeerKey? {
        let suspects = Set(assembler.suspects(of: piece))
        let blockCount = geometry.blockCount(of: piece)
        let candidates = peers.map { peer in
            let backlog = picker.openBlockCount(onParoleWith: peer.key)
            let delay = peer.pipeline.estimate(typicalRate: typicalRate, now: now)
                .last(of: blockCount + backlog)
            return (key: peer.key, cost: suspects.contains(peer.key) ? 2 * delay : delay)
        }
        return candidates.min { ($0.cost, $0.key) < ($1.cost, $1.key) }?.key
    }
}
