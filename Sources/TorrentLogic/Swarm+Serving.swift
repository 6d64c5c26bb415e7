package import BitTorrentProtocol

// What peers request of us, and whom we serve.
extension Swarm {
    /// The payload of a `serve` action was written to the peer's socket.
    package mutating func served(_ block: Block, to key: PeerKey, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        precondition(peers[index].servesInFlight > 0, "served what was not to be served")
        peers[index].servesInFlight -= 1
        peers[index].lastSent = now
        serveMore(to: index, now: now)
    }

    /// The payload of a `serve` action could not be read, so nothing was sent.
    package mutating func serveFailed(_ block: Block, to key: PeerKey, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        precondition(peers[index].servesInFlight > 0, "served what was not to be served")
        peers[index].servesInFlight -= 1
        uploadAllowance.add(Int(block.length))
        reject(BlockRequest(block), of: index, now: now)
        serveMore(to: index, now: now)
    }

    mutating func rechoke(now: Instant) {
        let isDownloading = hasDemand || peers.contains { $0.receivedInRound > 0 }
        for index in peers.indices { peers[index].endRound() }
        let interested = peers.filter(\.isInterestedInUs).map { peer in
            Choker.Candidate(
                key: peer.key,
                byteCount: peer.receivedRecently,
                isSnubbing: peer.pipeline.isSnubbed
            )
        }
        choker.rechoke(interested, isDownloading: isDownloading, now: now)
        tellUnchoked(now: now)
        if isDownloading { makeRoomForBetter(now: now) }
    }

    mutating func receivedInterest(_ isInterested: Bool, from index: Int, now: Instant) {
        peers[index].isInterestedInUs = isInterested
        if isInterested {
            choker.becameInterested(peers[index].key, now: now)
        } else {
            choker.lostInterest(peers[index].key)
        }
        tellUnchoked(now: now)
    }

    /// Somebody left: who waits for a place need not wait for the next round, above all not a peer whose
    /// second connection took over from its first.
    mutating func unchokeWaiting(now: Instant) {
        for index in peers.indices where peers[index].isInterestedInUs && !peers[index].isUnchoked {
            choker.becameInterested(peers[index].key, now: now)
        }
        tellUnchoked(now: now)
    }

    private mutating func tellUnchoked(now: Instant) {
        for index in peers.indices {
            setUnchoked(choker.unchoked.contains(peers[index].key), index, now: now)
        }
    }

    private mutating func setUnchoked(_ unchoked: Bool, _ index: Int, now: Instant) {
        guard peers[index].isUnchoked != unchoked else { return }
        peers[index].isUnchoked = unchoked
        send(unchoked ? .unchoke : .choke, to: index, now: now)
        guard !unchoked else { return }
        // Its requests are void (BEP 3), but for what it may request while choked (BEP 6); those
        // already given to the owner cross the message.
        let dropped = peers[index].queuedRequests.filter { !peers[index].mayAlwaysGet($0) }
        guard !dropped.isEmpty else { return }
        peers[index].queuedRequests = peers[index].queuedRequests.filter {
            peers[index].mayAlwaysGet($0)
        }
        for block in dropped { reject(BlockRequest(block), of: index, now: now) }
    }

    mutating func receivedRequest(_ request: BlockRequest, from index: Int, now: Instant) {
        let piece = PieceIndex(rawValue: request.piece)
        guard geometry.contains(piece), request.length > 0,
            UInt64(request.offset) + UInt64(request.length)
                <= UInt64(geometry.servedLength(of: piece))
        else { return violation(index, "request out of range", now: now) }
        guard request.length <= limits.maximumServedLength else {
            return violation(index, "request of \(request.length) bytes", now: now)
        }
        let block = Block(piece: piece, offset: request.offset, length: request.length)
        // A request may cross our choke, and we may have lost the piece: neither is a fault.
        guard peers[index].isUnchoked || peers[index].mayAlwaysGet(block), have[piece],
            peers[index].queuedRequests.count < limits.maximumQueuedRequests
        else { return reject(request, of: index, now: now) }
        if !peers[index].isUnchoked { peers[index].spendAlwaysAllowed(block) }
        peers[index].queuedRequests.append(block)
        serveMore(to: index, now: now)
    }

    mutating func receivedCancel(_ request: BlockRequest, from index: Int, now: Instant) {
        let count = peers[index].queuedRequests.count
        peers[index].queuedRequests.removeAll { BlockRequest($0) == request }
        if peers[index].queuedRequests.count < count { reject(request, of: index, now: now) }
    }

    private mutating func serveMore(to index: Int, now: Instant) {
        // Whoever asks most often must not get most of what a limit leaves.
        guard !uploadAllowance.isLimited else { return serveInTurn(now: now) }
        while serveOne(to: index, now: now) {}
    }

    /// - Returns: false if the peer waits for nothing, or for what is under way to it.
    mutating func serveOne(to index: Int, now: Instant) -> Bool {
        while peers[index].servesInFlight < limits.maximumServesInFlight,
            !peers[index].queuedRequests.isEmpty
        {
            let block = peers[index].queuedRequests.removeFirst()
            guard have[block.piece] else {
                reject(BlockRequest(block), of: index, now: now)
                continue
            }
            peers[index].servesInFlight += 1
            uploadAllowance.spend(Int(block.length))
            actions.append(.serve(block, to: peers[index].key))
            return true
        }
        return false
    }
}
