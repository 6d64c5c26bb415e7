package import BitTorrentProtocol

// What peers say, and what we serve them.
extension Swarm {
    /// - Precondition: `message` is not `.piece`; see `receivedBlock`.
    package mutating func received(_ message: PeerMessage, from key: PeerKey, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        peers[index].lastReceived = now
        let mayBeBitfield = peers[index].mayStillSendBitfield
        switch message {
        case .keepAlive, .extended, .port, .unknown: return
        default: peers[index].mayStillSendBitfield = false
        }
        switch message {
        case .keepAlive, .extended, .port, .unknown: break
        case .hashRequest, .hashes, .hashReject:
            receivedHashMessage(message, from: index, now: now)
        case .suggest, .haveAll, .haveNone, .reject, .allowedFast:
            // Else they were not offered.
            guard peers[index].isFast else { break }
            receivedFast(message, from: index, mayBeBitfield: mayBeBitfield, now: now)
        case .bitfield(let bytes):
            guard mayBeBitfield else {
                return violation(index, "bitfield after another message", now: now)
            }
            receivedBitfield(bytes, from: index, now: now)
        case .have(let piece): receivedHave(PieceIndex(rawValue: piece), from: index, now: now)
        case .choke:
            peers[index].isChokingUs = true
            // With the fast extension each request is answered, with the block or a reject.
            guard !peers[index].isFast else { break }
            giveBackRequests(of: index)
            requestMore(now: now)
        case .unchoke:
            peers[index].isChokingUs = false
            requestMore(from: index, now: now)
        case .interested: receivedInterested(from: index, now: now)
        case .notInterested:
            peers[index].isInterestedInUs = false
            choker.left(key)
            setUnchoked(false, index, now: now)
        case .request(let request): receivedRequest(request, from: index, now: now)
        case .cancel(let request):
            let count = peers[index].queuedRequests.count
            peers[index].queuedRequests.removeAll { BlockRequest($0) == request }
            if peers[index].queuedRequests.count < count { reject(request, of: index, now: now) }
        case .piece: preconditionFailure("piece messages go to receivedBlock")
        }
    }

    /// The payload of a `serve` action was written to the peer's socket.
    package mutating func served(_ block: Block, to key: PeerKey, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        precondition(peers[index].servesInFlight > 0, "served what was not to be served")
        peers[index].servesInFlight -= 1
        peers[index].servedInRound += UInt64(block.length)
        peers[index].lastSent = now
        serveMore(to: index, now: now)
    }

    /// The payload of a `serve` action could not be read, so nothing was sent.
    package mutating func serveFailed(_ block: Block, to key: PeerKey, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        precondition(peers[index].servesInFlight > 0, "served what was not to be served")
        peers[index].servesInFlight -= 1
        reject(BlockRequest(block), of: index, now: now)
        serveMore(to: index, now: now)
    }

    mutating func violation(_ index: Int, _ what: String, now: Instant) {
        close(index, reason: .protocolViolation(what), now: now)
        dial(now: now)
    }

    mutating func rechoke(now: Instant) {
        let interested = peers.filter(\.isInterestedInUs).map { peer in
            Choker.Candidate(
                key: peer.key,
                byteCount: hasDemand ? peer.receivedInRound : peer.servedInRound
            )
        }
        choker.rechoke(interested, now: now)
        for index in peers.indices {
            setUnchoked(choker.unchoked.contains(peers[index].key), index, now: now)
            peers[index].receivedInRound = 0
            peers[index].servedInRound = 0
        }
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
        take(has, of: index, now: now)
    }

    /// The pieces that the peer says it has.
    mutating func take(_ has: Bitfield, of index: Int, now: Instant) {
        peers[index].has = has
        peers[index].offerCount = zip(has.bytes, have.bytes).reduce(0) {
            $0 + ($1.0 & ~$1.1).nonzeroBitCount
        }
        becomeInterested(in: index, now: now)
        requestMore(from: index, now: now)
    }

    private mutating func receivedHave(_ piece: PieceIndex, from index: Int, now: Instant) {
        guard geometry.contains(piece) else {
            return violation(index, "have of a piece out of range", now: now)
        }
        guard !peers[index].has[piece] else { return }
        peers[index].has[piece] = true
        guard !have[piece] else { return }
        peers[index].offerCount += 1
        becomeInterested(in: index, now: now)
        requestMore(from: index, now: now)
    }

    private mutating func receivedInterested(from index: Int, now: Instant) {
        peers[index].isInterestedInUs = true
        if choker.becameInterested(peers[index].key) { setUnchoked(true, index, now: now) }
    }

    private mutating func setUnchoked(_ unchoked: Bool, _ index: Int, now: Instant) {
        guard peers[index].isUnchoked != unchoked else { return }
        peers[index].isUnchoked = unchoked
        send(unchoked ? .unchoke : .choke, to: index, now: now)
        guard !unchoked else { return }
        // Its requests are void (BEP 3); those already given to the owner cross the message.
        let dropped = peers[index].queuedRequests
        peers[index].queuedRequests.removeAll()
        for block in dropped { reject(BlockRequest(block), of: index, now: now) }
    }

    private mutating func receivedRequest(_ request: BlockRequest, from index: Int, now: Instant) {
        let piece = PieceIndex(rawValue: request.piece)
        guard geometry.contains(piece), request.length > 0,
            UInt64(request.offset) + UInt64(request.length)
                <= UInt64(geometry.servedLength(of: piece))
        else { return violation(index, "request out of range", now: now) }
        guard request.length <= limits.maximumServedLength else {
            return violation(index, "request of \(request.length) bytes", now: now)
        }
        // A request may cross our choke, and we may have lost the piece: neither is a fault.
        guard peers[index].isUnchoked, have[piece],
            peers[index].queuedRequests.count < limits.maximumQueuedRequests
        else { return reject(request, of: index, now: now) }
        peers[index].queuedRequests.append(
            Block(piece: piece, offset: request.offset, length: request.length)
        )
        serveMore(to: index, now: now)
    }

    private mutating func serveMore(to index: Int, now: Instant) {
        while peers[index].servesInFlight < limits.maximumServesInFlight,
            !peers[index].queuedRequests.isEmpty
        {
            let block = peers[index].queuedRequests.removeFirst()
            guard have[block.piece] else {
                reject(BlockRequest(block), of: index, now: now)
                continue
            }
            peers[index].servesInFlight += 1
            actions.append(.serve(block, to: peers[index].key))
        }
    }
}
