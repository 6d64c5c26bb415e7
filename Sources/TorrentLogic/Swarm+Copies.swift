package import BitTorrentProtocol

// Pieces that are fetched more than once from different peers, because somebody may lie.
extension Swarm {
    /// Of the copies of a piece's blocks, if more than one is kept, whom they are from; the owner looks
    /// for those that are right (`PieceCopies.search`).
    package func copies(of piece: PieceIndex) -> PieceCopies? { assembler.copies(of: piece) }

    /// Bytes of which second copies are requested before a piece was right, for a piece that is no longer.
    static let maximumCopiedLength = 1 << 20
    /// Of fewer peers no second copies are requested before a piece was wrong.
    private static let minimumSources = 3

    /// While nobody is known to send what is right: a block of the piece that is needed first, of which
    /// this peer is to send a second copy.
    ///
    /// Second copies stand behind all first ones. If the piece is right they are cancelled; if it is not,
    /// they say who lied, and are here a round trip sooner than if they were requested then.
    mutating func nextCopy(from index: Int) -> Block? {
        guard copyAllowance > 0, assembler.trustsNobody, hashes == nil,
            peers.count >= Self.minimumSources, !peers[index].isWebSeed,
            peers[index].copyCount < peers[index].pipeline.copyLimit,
            !peers[index].isChokingUs, !peers[index].pipeline.isFailing,
            !downloadAllowance.isLimited, plan.urgentCount > 0, let piece = plan.order.first,
            !have[piece], picker.isUnderWay(piece), !picker.isWhole(piece),
            geometry.length(of: piece) <= Self.maximumCopiedLength, peers[index].has[piece],
            assembler.isDoubted(piece) || assembler.doubt(piece),
            let copies = assembler.copies(of: piece)
        else { return nil }
        let requested = peers.flatMap { peer in
            peer.pipeline.inFlight.filter { $0.block.piece == piece }
                .map { (number: $0.block.number, from: peer.key) }
        }
        guard let number = copies.nextSecond(from: peers[index].key, requested: requested) else {
            return nil
        }
        let block = geometry.block(number, of: piece)
        copyAllowance -= Int(block.length)
        peers[index].copyCount += 1
        picker.duplicated(block)
        return block
    }

    /// The piece is right: what is on its way of it comes for nothing.
    mutating func endCopies(of piece: PieceIndex, now: Instant) {
        cancelAll(of: piece, now: now)
        actions.append(.discard(piece))
    }

    /// No selection of the copies that are here is right.
    mutating func rejectedCopies(of piece: PieceIndex, _ copies: PieceCopies, now: Instant) {
        // It may have been given up meanwhile.
        guard assembler.isDoubted(piece) else { return }
        if let liar = assembler.failed(piece, copies: copies) {
            restart(piece, now: now)
            ban(liar, piece: piece, now: now)
            // A web seed stays after its first wrong piece.
            if peers.index(of: liar) != nil { fetchAlone(piece, otherThanFrom: [liar], now: now) }
            return
        }
        guard fetchCopies(of: piece, now: now) else { return fetchAnew(piece, now: now) }
        if assembler.takeNews(of: piece) {
            assembler.beginVerifying(piece)
            actions.append(.verify(piece))
        }
    }

    /// Fetches another copy of each block of which none is on its way and no two are alike.
    ///
    /// - Returns: false if there is nobody to ask.
    private mutating func fetchCopies(of piece: PieceIndex, now: Instant) -> Bool {
        let sources = Set(sources(of: piece, now: now).map(\.key))
        guard let copies = assembler.copies(of: piece),
            let avoided = assembler.avoided(of: piece, sources: sources)
        else { return false }
        let agreed = Set(copies.agreedBlocks)
        var requestCounts: [Int: Int] = [:]
        for index in peers.indices {
            for request in Array(peers[index].pipeline.inFlight)
            where request.block.piece == piece {
                if agreed.contains(request.block.number) {
                    cancel(request.block, at: index, now: now)
                } else {
                    requestCounts[request.block.number, default: 0] += 1
                }
            }
        }
        let canGoOn = copies.senders.indices.allSatisfy {
            agreed.contains($0) || requestCounts[$0] != nil
                || !sources.isSubset(of: copies.senders[$0])
        }
        guard canGoOn else { return false }
        picker.failed(
            piece,
            avoiding: avoided,
            sources: sources,
            keeping: Array(agreed),
            underWay: requestCounts
        )
        return true
    }

    /// Fetches a piece again of which copies were kept, and which nobody is left to settle.
    mutating func fetchAnew(_ piece: PieceIndex, now: Instant) {
        restart(piece, now: now)
        let sources = Set(sources(of: piece, now: now).map(\.key))
        if let avoided = assembler.avoided(of: piece, sources: sources) {
            picker.failed(piece, avoiding: avoided, sources: sources)
        } else {
            fetchAlone(piece, otherThanFrom: [], now: now)
        }
    }

    /// Begins a piece anew of which copies were kept.
    private mutating func restart(_ piece: PieceIndex, now: Instant) {
        cancelAll(of: piece, now: now)
        assembler.discard(piece)
        picker.restart(piece)
        actions.append(.discard(piece))
    }

    /// Cancels all requests for the piece.
    mutating func cancelAll(of piece: PieceIndex, now: Instant) {
        for index in peers.indices {
            for request in Array(peers[index].pipeline.inFlight)
            where request.block.piece == piece {
                cancel(request.block, at: index, now: now)
            }
        }
    }
}
