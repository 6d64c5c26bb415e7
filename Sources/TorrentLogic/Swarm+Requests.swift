import BitTorrentProtocol

// What readers want, and from whom it is requested.
extension Swarm {
    /// What is needed so many seconds from now, or later, is fetched at leisure: the reader may be
    /// elsewhere by then.
    private static let farAhead = 4.0

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
        demand.waitBegan(id, for: range, now: now)
        replan(now: now)
        hastenTick(now: now)
    }

    /// The wait is over, satisfied or not.
    ///
    /// What is missing of it stays wanted for 60 s.
    package mutating func waitEnded(_ id: WaitID, now: Instant) {
        guard !isStopped, let range = demand.range(of: id) else { return }
        demand.waitEnded(id, isSatisfied: isVerified(range), now: now)
    }

    /// The client reads no more, here or at all: nothing is fetched ahead for it any longer.
    package mutating func readerLeft(_ client: UInt64, now: Instant) {
        guard !isStopped else { return }
        demand.left(client)
        replan(now: now)
    }

    /// Learns what readers want now.
    ///
    /// - Parameter always: build the plan anew even if it holds all that is wanted.
    mutating func replan(now: Instant, always: Bool = false) {
        if demand.takeJump() { hedgeBudget.jumped() }
        let isWithdrawn = demand.takeWithdrawal()
        let isChanged = plan.update(
            demand,
            have: have,
            always: always || isWithdrawn,
            progress: progress(now: now),
            now: now
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
            backgroundCount: backgroundPieces.count,
            parts: plan.parts
        )
        missingCount = plan.order.count + backgroundPieces.count
        if isWithdrawn {
            let unwanted = Set(picker.unplannedPieces)
            cancelRequests(now: now) { unwanted.contains($0) }
        }
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

    /// Cancels what was requested of some pieces, but for what is on its way already.
    ///
    /// - Parameter holder: only at peers that have this piece.
    /// - Returns: whether there was any.
    @discardableResult
    mutating func cancelRequests(
        ofHolders holder: PieceIndex? = nil,
        now: Instant,
        of isMeant: (PieceIndex) -> Bool
    ) -> Bool {
        var isAny = false
        for index in peers.indices
        where !peers[index].pipeline.isEmpty && (holder.map { peers[index].has[$0] } ?? true) {
            let inFlight = Array(peers[index].pipeline.inFlight)
            isAny = cancel(inFlight[...], at: index, now: now, of: isMeant) || isAny
        }
        return isAny
    }

    /// Cancels requests for some pieces among the first ones of a peer, but for what is on its way already,
    /// as all is that was requested of a web seed.
    ///
    /// - Returns: whether there was any.
    mutating func cancel(
        _ requests: ArraySlice<RequestPipeline.Request>,
        at index: Int,
        now: Instant,
        of isMeant: (PieceIndex) -> Bool
    ) -> Bool {
        guard !peers[index].isWebSeed else { return false }
        let blockTime = peers[index].pipeline.pace.blockTime
        let roundTrip = peers[index].pipeline.pace.roundTrip
        var delay = 0.0
        var isAny = false
        for request in requests {
            delay += blockTime
            guard delay > roundTrip, isMeant(request.block.piece) else { continue }
            downloadAllowance.add(Int(request.block.length))
            picker.gaveBack(request.block)
            cancel(request.block, at: index, now: now)
            isAny = true
        }
        return isAny
    }

    /// Fills all pipelines, each block at the peer that will deliver it first.
    mutating func requestMore(now: Instant) {
        holdBackgroundBack(now: now)
        guard missingCount > 0, !peers.isEmpty else { return }
        askForHashes(now: now)
        // While a limit holds the first in a row would get all there is.
        if downloadAllowance.isLimited { requestTurn += 1 }
        var schedule = schedule(now: now)
        while downloadAllowance.permitsMore,
            let index = schedule.beginNextTurn(first: requestTurn)
        {
            if !takeTurn(index, &schedule, now: now) || room(of: index) == 0 {
                schedule.retire()
            }
        }
    }

    /// Fills the pipeline of a peer that delivers, an eighth of it at a time: requests leave together,
    /// and peers are weighed against each other less often.
    mutating func refill(from index: Int, now: Instant) {
        guard room(of: index) * 8 >= peers[index].pipeline.inFlightCount else { return }
        requestMore(from: index, now: now)
    }

    /// Fills the pipeline of one peer.
    mutating func requestMore(from index: Int, now: Instant) {
        guard missingCount > 0, room(of: index) > 0, peers[index].mayBeAsked else { return }
        // One alone need not be weighed.
        var schedule = peers.count == 1 ? BlockSchedule([]) : schedule(now: now)
        while schedule.beginTurn(of: index), takeTurn(index, &schedule, now: now) {}
    }

    /// The peers that could deliver something, to weigh them against each other.
    private func schedule(now: Instant) -> BlockSchedule {
        var lanes: [BlockSchedule.Lane] = []
        for index in peers.indices where peers[index].mayBeAsked {
            let pipeline = peers[index].pipeline
            let estimate = pipeline.estimate(typicalRate: typicalRate, now: now)
            lanes.append(
                BlockSchedule.Lane(
                    peer: index,
                    key: peers[index].key,
                    has: peers[index].isChokingUs ? peers[index].allowedFast : peers[index].has,
                    hasRoom: room(of: index) > 0 && !pipeline.isSilent(now: now),
                    blockTime: estimate.blockTime,
                    finish: estimate.next
                )
            )
        }
        return BlockSchedule(lanes)
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

    private mutating func requestOne(
        from index: Int,
        _ schedule: inout BlockSchedule,
        isAdmitted: Bool = false,
        now: Instant
    ) -> Bool {
        guard missingCount > 0, downloadAllowance.permitsMore, room(of: index) > 0,
            peers[index].mayBeAsked, !peers[index].pipeline.isSilent(now: now)
        else { return false }
        if let copy = nextCopy(from: index) {
            request(copy, from: index, now: now)
            schedule.requested()
            return true
        }
        let known = hashes?.known
        let needsHash = known?.isOnlyProof == true
        var lacking: [PieceIndex] = []
        let isAdmitted = isAdmitted || schedule.isTrivial
        let (leads, age) = isAdmitted ? ([], 0) : (plan.leads, plan.age(now: now))
        let mayFetchFarAhead =
            isAdmitted || famine.isOn || peers[index].isWebSeed
            || peers[index].pipeline.leisurelyRoom > 0
        let block = picker.nextBlock(
            for: peers[index].key,
            peerHas: peers[index].isChokingUs ? peers[index].allowedFast : peers[index].has,
            have: have,
            suggested: peers[index].suggested,
            admits: { offer in
                guard !isAdmitted else { return .take }
                let dueIn = leads[offer.position] - age
                guard mayFetchFarAhead || dueIn < Self.farAhead else { return .stop }
                return schedule.admits(
                    offer.piece,
                    blockCount: offer.openCount,
                    dueIn: dueIn,
                    isOpen: offer.isOpen
                )
            },
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
        schedule.requested()
        return true
    }

    /// Requests a block; of a web seed a run of blocks, as much as is worth a request of HTTP.
    private mutating func takeTurn(
        _ index: Int,
        _ schedule: inout BlockSchedule,
        now: Instant
    ) -> Bool {
        guard peers[index].isWebSeed else { return requestOne(from: index, &schedule, now: now) }
        let depth = peers[index].pipeline.depth
        guard peers[index].pipeline.room >= min(Self.minimumWebSeedRun, depth) else { return false }
        let length = max(Self.minimumWebSeedRun, depth / 2)
        var count = 0
        while count < length,
            requestOne(
                from: index,
                &schedule,
                isAdmitted: (1..<Self.minimumWebSeedRun).contains(count),
                now: now
            )
        {
            count += 1
        }
        return count > 0
    }

    mutating func request(_ block: Block, from index: Int, now: Instant) {
        downloadAllowance.spend(Int(block.length))
        // Before the block, so that the leaves are here before it.
        if hashes?.seeks(block.piece) == false { wantHashes(of: [block.piece], now: now) }
        peers[index].pipeline.requested(block, typicalRate: typicalRate, now: now)
        // With the fast extension the cancelled request is answered, too.
        if !peers[index].isFast { peers[index].voided.forget(block) }
        send(.request(BlockRequest(block)), to: index, now: now)
        scheduleTick(now: now)
    }
}
