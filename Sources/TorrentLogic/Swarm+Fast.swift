import BitTorrentProtocol

// The fast extension (BEP 6), and pieces that are gone again (BEP 54).
extension Swarm {
    /// The peer keeps so many requests waiting and drops more (`reqq`, BEP 10).
    ///
    /// - Precondition: `count` is positive.
    package mutating func limitRequests(of key: PeerKey, to count: Int, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        // Less than it says: at its very limit Transmission 3.00 was seen to pause for seconds.
        let safe = count - count / 8
        peers[index].pipeline.limit(to: min(safe, limits.maximumStatedPipelineDepth))
        requestMore(from: index, now: now)
    }

    mutating func receivedFast(
        _ message: PeerMessage,
        from index: Int,
        isFirst: Bool,
        now: Instant
    ) {
        switch message {
        case .haveAll, .haveNone:
            guard isFirst else {
                return violation(index, "have-all or have-none after another message", now: now)
            }
            guard message == .haveAll else { return allowAlways(index, now: now) }
            take(Bitfield(full: geometry.pieceCount), of: index, now: now)
        case .suggest(let number):
            let piece = PieceIndex(rawValue: number)
            guard geometry.contains(piece) else {
                return violation(index, "suggestion of a piece out of range", now: now)
            }
            if !have[piece] { peers[index].suggest(piece) }
        case .reject(let request): receivedReject(request, from: index, now: now)
        case .allowedFast(let number):
            let piece = PieceIndex(rawValue: number)
            guard geometry.contains(piece) else {
                return violation(index, "allowed-fast of a piece out of range", now: now)
            }
            // It may be said of pieces that the peer does not have.
            guard peers[index].has[piece] else { return }
            peers[index].allowedFast[piece] = true
            requestMore(from: index, now: now)
        default: break
        }
    }

    /// Allows a peer that has next to nothing some pieces while it is choked, so that it has something
    /// to give.
    mutating func allowAlways(_ index: Int, now: Instant) {
        let offered = peers[index].offeredAlways.filter { geometry.contains($0) && have[$0] }
        guard peers[index].isFast, peers[index].alwaysAllowed.isEmpty,
            peers[index].has.setCount < limits.alwaysAllowedPieceCount
        else { return }
        for piece in offered.prefix(limits.alwaysAllowedPieceCount)
        where !peers[index].has[piece] {
            peers[index].alwaysAllowed.insert(piece)
            peers[index].alwaysAllowedByteCount += UInt64(geometry.length(of: piece))
            send(.allowedFast(piece: piece.rawValue), to: index, now: now)
        }
    }

    /// The peer has a piece no more (`lt_donthave`, BEP 54).
    package mutating func receivedDontHave(_ number: UInt32, from key: PeerKey, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        let piece = PieceIndex(rawValue: number)
        guard geometry.contains(piece) else {
            return violation(index, "don't-have of a piece out of range", now: now)
        }
        guard peers[index].has[piece] else { return }
        peers[index].has[piece] = false
        peers[index].allowedFast[piece] = false
        if !have[piece] { peers[index].offerCount -= 1 }
        // With the fast extension each request is answered all the same.
        guard !peers[index].isFast else { return }
        for request in Array(peers[index].pipeline.inFlight) where request.block.piece == piece {
            guard peers[index].pipeline.withdraw(request.block) else { continue }
            downloadAllowance.add(Int(request.block.length))
            peers[index].void(request.block)
            picker.gaveBack(request.block)
        }
        picker.releaseParole(of: key)
        requestMore(now: now)
    }

    /// Tells a peer that its request is dropped; without the fast extension it has to guess.
    mutating func reject(_ request: BlockRequest, of index: Int, now: Instant) {
        guard peers[index].isFast else { return }
        send(.reject(request), to: index, now: now)
    }

    private mutating func receivedReject(
        _ request: BlockRequest,
        from index: Int,
        now: Instant
    ) {
        let block = geometry.block(
            piece: request.piece,
            offset: request.offset,
            length: request.length
        )
        guard let block else {
            return violation(index, "reject of what is no block of the torrent", now: now)
        }
        // The answer to a request that we cancelled, though we may have made it again meanwhile.
        guard !peers[index].voided.take(block) else { return }
        guard peers[index].pipeline.withdraw(block) else {
            // A reject may follow a block that crossed our cancel: a few are no fault.
            peers[index].unsolicitedByteCount += UInt64(block.length)
            if peers[index].unsolicitedByteCount > limits.maximumUnsolicitedByteCount {
                violation(index, "rejects of what was never requested", now: now)
            }
            return
        }
        downloadAllowance.add(Int(block.length))
        picker.gaveBack(block)
        picker.releaseParole(of: peers[index].key)
        peers[index].allowedFast[block.piece] = false
        if !peers[index].isChokingUs {
            // The same request would be rejected again.
            peers[index].restsUntil = now + limits.rejectRest
            scheduleTick(now: now)
        }
        requestMore(now: now)
    }
}
