import BitTorrentProtocol

// What readers want, and from whom it is requested.
extension Swarm {
    /// A reader asked for `range` of the file at `file`, both byte ranges of the torrent; cached or
    /// not.
    package mutating func read(
        _ range: Range<UInt64>,
        in file: Range<UInt64>,
        by reader: ReaderID,
        now: Instant
    ) {
        guard !isStopped else { return }
        prefer(range)
        demand.read(range, in: file, by: reader, now: now)
        replan(now: now)
    }

    /// Somebody waits for all of `range`; its pieces come before all others.
    package mutating func waitBegan(_ id: WaitID, for range: Range<UInt64>, now: Instant) {
        guard !isStopped else { return }
        prefer(range)
        demand.waitBegan(id, for: range)
        replan(now: now)
    }

    /// The wait is over, satisfied or not.
    ///
    /// What is missing of it stays wanted for 60 s.
    package mutating func waitEnded(_ id: WaitID, now: Instant) {
        guard !isStopped, let range = demand.range(of: id) else { return }
        demand.waitEnded(id, isSatisfied: isVerified(range), now: now)
    }

    /// Learns what readers want now.
    ///
    /// - Parameter always: build the plan anew even if it holds all that is wanted.
    mutating func replan(now: Instant, always: Bool = false) {
        let isChanged = plan.update(
            demand,
            have: have,
            always: always,
            isUnderWay: { picker.isUnderWay($0) }
        )
        guard isChanged else {
            if maintenanceAt == nil { reschedule(now: now) }
            return
        }
        let hadDemand = hasDemand
        chooseBackground()
        picker.replan(
            plan.order + backgroundPieces,
            urgentCount: plan.urgentCount,
            backgroundCount: backgroundPieces.count
        )
        missingCount = plan.order.count + backgroundPieces.count
        if hasDemand {
            lastDemand = now
            for index in peers.indices { becomeInterested(in: index, now: now) }
            requestMore(now: now)
        }
        if hasDemand != hadDemand {
            dial(now: now)
            reschedule(now: now)
        } else if maintenanceAt == nil {
            reschedule(now: now)
        }
    }

    /// Fills all pipelines, a block to each peer in turn, so that an urgent piece is striped.
    mutating func requestMore(now: Instant) {
        holdBackgroundBack()
        askForHashes(now: now)
        // While a limit holds the first in a row would get all there is.
        if downloadAllowance.isLimited { requestTurn += 1 }
        let first = peers.isEmpty ? 0 : requestTurn % peers.count
        var isProgress = true
        while isProgress {
            isProgress = false
            for offset in peers.indices {
                let index = (first + offset) % peers.count
                if takeTurn(index, now: now) { isProgress = true }
            }
        }
    }

    /// Fills the pipeline of one peer.
    mutating func requestMore(from index: Int, now: Instant) {
        while takeTurn(index, now: now) {}
    }

    /// All requests to the peer are void: it choked us, or is gone or silent.
    mutating func giveBackRequests(of index: Int) {
        for block in peers[index].pipeline.giveBack() {
            downloadAllowance.add(Int(block.length))
            peers[index].void(block)
            picker.gaveBack(block)
        }
        picker.releaseParole(of: peers[index].key)
    }

    /// Ten times a second while requests are in flight: snubs, and duplicates what is late.
    mutating func tickFired(now: Instant) {
        tickAt = nil
        var silentWebSeeds: [PeerKey] = []
        for index in peers.indices {
            if let rest = peers[index].restsUntil, rest <= now { peers[index].restsUntil = nil }
            let returned = peers[index].pipeline.timerFired(now: now)
            for block in returned {
                peers[index].void(block)
                picker.gaveBack(block)
            }
            if !returned.isEmpty || peers[index].pipeline.isSilent(now: now) {
                // Nobody else may deliver what only this peer was to fetch.
                returnParoleRequests(of: index, now: now)
            }
            if !returned.isEmpty, peers[index].isWebSeed {
                silentWebSeeds.append(peers[index].key)
            }
        }
        hashes?.expire(now: now)
        failSilentWebSeeds(silentWebSeeds, now: now)
        bestDelay =
            peers.lazy.filter { !$0.isChokingUs && $0.pipeline.rate != nil }
            .map(\.pipeline.predictedDelay).min()
        requestMore(now: now)
        duplicateLateRequests(now: now)
        if hashes?.isWaiting == true
            || peers.contains(where: { !$0.pipeline.isEmpty || $0.restsUntil != nil })
        {
            tickAt = now + Self.tick
        }
    }

    private mutating func requestOne(from index: Int, now: Instant) -> Bool {
        guard missingCount > 0, downloadAllowance.permitsMore, peers[index].pipeline.room > 0,
            mayRequest(from: peers[index]), !peers[index].pipeline.isSilent(now: now)
        else { return false }
        let faster = fasterPeers(than: index, now: now)
        let known = hashes?.known
        let needsHash = known?.isOnlyProof == true
        var lacking: [PieceIndex] = []
        let block = picker.nextBlock(
            for: peers[index].key,
            peerHas: peers[index].isChokingUs ? peers[index].allowedFast : peers[index].has,
            have: have,
            suggested: peers[index].suggested,
            acceptsUrgent: { piece in !faster.contains { $0[piece] } },
            isVerifiable: { piece in
                guard needsHash, known?.hash(of: piece) == nil else { return true }
                lacking.append(piece)
                return false
            }
        )
        wantHashes(of: lacking, now: now)
        for piece in picker.takeDisplaced() { abandon(piece, now: now) }
        guard let block else { return false }
        request(block, from: index, now: now)
        return true
    }

    /// Requests a block; of a web seed a run of blocks, as much as is worth a request of HTTP.
    private mutating func takeTurn(_ index: Int, now: Instant) -> Bool {
        guard peers[index].isWebSeed else { return requestOne(from: index, now: now) }
        let depth = peers[index].pipeline.depth
        guard peers[index].pipeline.room >= min(Self.minimumWebSeedRun, depth) else { return false }
        let length = max(Self.minimumWebSeedRun, depth / 2)
        var count = 0
        while count < length, requestOne(from: index, now: now) { count += 1 }
        return count > 0
    }

    /// Whether the peer would answer a request of something that it has.
    func mayRequest(from peer: Peer) -> Bool {
        peer.offerCount > 0 && (!peer.isChokingUs || !peer.allowedFast.isEmpty)
            && peer.restsUntil == nil
    }

    private mutating func request(_ block: Block, from index: Int, now: Instant) {
        downloadAllowance.spend(Int(block.length))
        // Before the block, so that the leaves are here before it.
        if hashes?.seeks(block.piece) == false { wantHashes(of: [block.piece], now: now) }
        peers[index].pipeline.requested(block, now: now)
        peers[index].voided.remove(block)
        send(.request(BlockRequest(block)), to: index, now: now)
        if tickAt == nil { tickAt = now + Self.tick }
    }

    /// What the peers have that would deliver an urgent block much sooner than this one, though
    /// they are busy now; empty in the common case of a peer that is not slow.
    private func fasterPeers(than index: Int, now: Instant) -> [Bitfield] {
        if peers[index].pipeline.isSnubbed {
            return peers.filter { !$0.isChokingUs && !$0.pipeline.isSnubbed }.map(\.has)
        }
        guard let bestDelay, peers[index].pipeline.rate != nil else { return [] }
        let limit = bestDelay + bestDelay / 2 + .milliseconds(250)
        guard peers[index].pipeline.predictedDelay > limit else { return [] }
        return peers.indices.filter { other in
            other != index && !peers[other].isChokingUs && peers[other].pipeline.rate != nil
                && peers[other].pipeline.predictedDelay <= limit
                && !peers[other].pipeline.isSilent(now: now)
        }.map { peers[$0].has }
    }

    private mutating func returnParoleRequests(of index: Int, now: Instant) {
        let key = peers[index].key
        for request in Array(peers[index].pipeline.inFlight)
        where picker.isOnParole(request.block.piece, with: key) {
            guard peers[index].pipeline.withdraw(request.block) else { continue }
            peers[index].void(request.block)
            picker.gaveBack(request.block)
            send(.cancel(BlockRequest(request.block)), to: index, now: now)
        }
        picker.releaseParole(of: key)
    }

    /// Requests blocks that a reader needs from a second peer, when the first is late or would take
    /// much longer.
    private mutating func duplicateLateRequests(now: Instant) {
        duplicateTokens = min(duplicateTokens + 4, Self.maximumDuplicateTokens)
        guard hasDemand, peers.count > 1 else { return }
        for owner in peers.indices {
            let isSilent = peers[owner].pipeline.isSilent(now: now)
            let isMeasured = peers[owner].pipeline.rate != nil
            for request in Array(peers[owner].pipeline.inFlight) {
                guard duplicateTokens > 0, downloadAllowance.permitsMore else { return }
                let isLate = isSilent || request.lateAt <= now
                let remaining = request.expectedAt - now
                guard isLate || (isMeasured && remaining > .milliseconds(300)),
                    plan.isUrgent(request.block.piece),
                    (1...2).contains(picker.requestCount(of: request.block)),
                    let other = alternative(to: owner, for: request.block, now: now),
                    isLate || peers[other].pipeline.predictedDelay < remaining * 6 / 10
                else { continue }
                duplicateTokens -= 1
                picker.duplicated(request.block)
                self.request(request.block, from: other, now: now)
            }
        }
    }

    private func alternative(to owner: Int, for block: Block, now: Instant) -> Int? {
        peers.indices.filter { index in
            index != owner && !peers[index].isChokingUs && peers[index].has[block.piece]
                && peers[index].pipeline.room > 0 && !peers[index].pipeline.isSilent(now: now)
                && !peers[index].pipeline.contains(block)
                && picker.accepts(block, from: peers[index].key)
        }.min {
            peers[$0].pipeline.predictedDelay < peers[$1].pipeline.predictedDelay
        }
    }
}
