package import BitTorrentProtocol

// What peers say.
extension Swarm {
    /// - Precondition: `message` is not `.piece`; see `receivedBlock`.
    package mutating func received(_ message: PeerMessage, from key: PeerKey, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        peers[index].lastReceived = now
        let isFirst = !peers[index].hasSpoken
        switch message {
        case .keepAlive, .extended, .port, .unknown: return
        default: peers[index].hasSpoken = true
        }
        switch message {
        case .keepAlive, .extended, .port, .unknown: break
        case .hashRequest, .hashes, .hashReject:
            receivedHashMessage(message, from: index, now: now)
        case .suggest, .haveAll, .haveNone, .reject, .allowedFast:
            // Else they were not offered.
            guard peers[index].isFast else { break }
            receivedFast(message, from: index, isFirst: isFirst, now: now)
        // BEP 3 has it as the first message only. aria2 sends it later, too, where it is shorter than
        // a `have` for each new piece.
        case .bitfield(let bytes): receivedBitfield(bytes, from: index, now: now)
        case .have(let piece): receivedHave(PieceIndex(rawValue: piece), from: index, now: now)
        case .choke:
            peers[index].isChokingUs = true
            // With the fast extension each request is answered, with the block or a reject.
            guard !peers[index].isFast else { break }
            giveBackRequests(of: index)
            requestMore(now: now)
        case .unchoke:
            peers[index].isChokingUs = false
            shareOut(to: index)
            requestMore(from: index, now: now)
        case .interested: receivedInterest(true, from: index, now: now)
        case .notInterested: receivedInterest(false, from: index, now: now)
        case .request(let request): receivedRequest(request, from: index, now: now)
        case .cancel(let request): receivedCancel(request, from: index, now: now)
        case .piece: preconditionFailure("piece messages go to receivedBlock")
        }
    }

    /// The peer gets its share of what is waited for, as far as its first requests go.
    private mutating func shareOut(to index: Int) {
        let untried = peers.count { !$0.pipeline.pace.hasDelivered && $0.pipeline.isEmpty }
        let blocks = picker.openBlockCount(atMost: Self.sharedBlockCount, have: have)
        // Those that are being dialled come in time for what is left.
        let shareCount = max(1, untried + pool.diallingCount)
        peers[index].pipeline.begin(with: blocks.urgent / shareCount)
    }

    mutating func violation(_ index: Int, _ what: String, now: Instant) {
        close(index, reason: .protocolViolation(what), now: now)
        dial(now: now)
    }

    /// Interest follows what a peer offers while readers want anything, and outlives them.
    ///
    /// That nothing is wanted just now is no reason to lose a place among the unchoked; interest is
    /// withdrawn only by `maintain`, so that it does not flap.
    mutating func updateInterest(of index: Int, now: Instant) {
        let lingers = lastDemand.map { now - $0 < limits.interestLinger } ?? false
        let wanted = peers[index].offerCount > 0 && (hasDemand || lingers)
        guard wanted != peers[index].areWeInterested else { return }
        peers[index].areWeInterested = wanted
        send(wanted ? .interested : .notInterested, to: index, now: now)
    }

    mutating func becomeInterested(in index: Int, now: Instant) {
        if !peers[index].areWeInterested { updateInterest(of: index, now: now) }
    }

    private mutating func receivedBitfield(_ bytes: [UInt8], from index: Int, now: Instant) {
        guard let has = Bitfield(bytes: bytes, count: geometry.pieceCount) else {
            return violation(index, "bitfield of the wrong length or with spare bits", now: now)
        }
        // A later one takes back nothing.
        take(peers[index].has.isEmpty ? has : has.union(peers[index].has), of: index, now: now)
    }

    /// The pieces that the peer says it has.
    mutating func take(_ has: Bitfield, of index: Int, now: Instant) {
        peers[index].has = has
        peers[index].offerCount = zip(has.bytes, have.bytes).reduce(0) {
            $0 + ($1.0 & ~$1.1).nonzeroBitCount
        }
        if closeIfSuperfluous(index, now: now) { return }
        becomeInterested(in: index, now: now)
        requestMore(from: index, now: now)
    }

    private mutating func receivedHave(_ piece: PieceIndex, from index: Int, now: Instant) {
        guard geometry.contains(piece) else {
            return violation(index, "have of a piece out of range", now: now)
        }
        guard !peers[index].has[piece] else { return }
        peers[index].has[piece] = true
        guard !have[piece] else {
            _ = closeIfSuperfluous(index, now: now)
            return
        }
        peers[index].offerCount += 1
        becomeInterested(in: index, now: now)
        requestMore(from: index, now: now)
    }
}
