import BitTorrentProtocol

// What is late: looks at it while anything is in flight, and second requests for it.
extension Swarm {
    /// A block that was requested and might be requested once more.
    private struct Late {
        let block: Block
        let owner: Int
        /// Seconds until it is expected from its owner.
        let remaining: Double
        /// Seconds until it is needed.
        let dueIn: Double
        /// It should be here.
        let isOverdue: Bool
    }

    /// What is needed within so many seconds is looked at.
    private static let horizon = 1.0
    /// What a reader waits for need not come within so many seconds.
    private static let patience = 0.5
    /// What is needed within so many seconds would come too late behind all that may be in flight.
    private static let reach = 3.0
    /// Requests in flight for one block, and for one that a reader has waited for so long.
    private static let maximumCopies = (usually: 2, afterLongWait: 3)
    private static let longWait = Duration.seconds(1)
    /// Another peer must promise to take no more than this share of the time.
    private static let gain = 0.6
    /// What comes within so many seconds anyway is not worth a second request.
    private static let worthwhile = 0.3

    mutating func scheduleTick(now: Instant) {
        guard tickAt == nil else { return }
        tickAt = now + (demand.isWaitedFor ? Self.tick.waitedFor : Self.tick.else)
    }

    /// A reader began to wait.
    mutating func hastenTick(now: Instant) {
        if let tickAt { self.tickAt = min(tickAt, now + Self.tick.waitedFor) }
    }

    /// While requests are in flight: gives up on silent peers, and duplicates what is late.
    mutating func tickFired(now: Instant) {
        tickAt = nil
        judgePeers(now: now)
        hashes?.expire(now: now)
        measureSwarm()
        famine.update(longestWait: demand.longestWait(now: now), now: now)
        let isWidened = famine.isOn && demand.widen()
        if isWidened || plan.isOld(now: now), hasDemand {
            replan(now: now, always: true)
        } else {
            requestMore(now: now)
        }
        helpReaders(now: now)
        if hashes?.isWaiting == true
            || peers.contains(where: { !$0.pipeline.isEmpty || $0.restsUntil != nil })
        {
            tickAt = nil
            scheduleTick(now: now)
        }
    }

    private mutating func judgePeers(now: Instant) {
        var silentWebSeeds: [PeerKey] = []
        for index in peers.indices {
            if let rest = peers[index].restsUntil, rest <= now { peers[index].restsUntil = nil }
            let returned = peers[index].pipeline.timerFired(now: now)
            for block in returned {
                peers[index].void(block)
                picker.gaveBack(block)
            }
            let isSilent = peers[index].pipeline.isSilent(now: now)
            if !returned.isEmpty || isSilent {
                // Nobody else may deliver what only this peer was to fetch.
                returnParoleRequests(of: index, now: now)
            }
            if isSilent, !peers[index].pipeline.isFailing { suspect(index, now: now) }
            if !returned.isEmpty, peers[index].isWebSeed {
                silentWebSeeds.append(peers[index].key)
            }
        }
        failSilentWebSeeds(silentWebSeeds, now: now)
    }

    /// Takes back from a silent peer what others have.
    private mutating func suspect(_ index: Int, now: Instant) {
        peers[index].pipeline.suspect()
        // A server may take its time; it fails when it has taken too much.
        guard !peers[index].isWebSeed else { return }
        for request in Array(peers[index].pipeline.inFlight) {
            let isElsewhere = peers.indices.contains { other in
                other != index && peers[other].has[request.block.piece]
                    && peers[other].mayBeAsked && !peers[other].isChokingUs
                    && !peers[other].pipeline.isFailing
            }
            guard isElsewhere else { continue }
            downloadAllowance.add(Int(request.block.length))
            picker.gaveBack(request.block)
            cancel(request.block, at: index, now: now)
        }
    }

    /// What the swarm can deliver, and what one is taken for that was not measured yet.
    mutating func measureSwarm() {
        let rates = peers.lazy.filter { !$0.isChokingUs && !$0.pipeline.isFailing }
            .compactMap(\.pipeline.rate).sorted()
        typicalRate = rates.isEmpty ? nil : rates[rates.count / 2]
        demand.capacity = rates.isEmpty ? nil : rates.reduce(0, +)
    }

    private mutating func returnParoleRequests(of index: Int, now: Instant) {
        let key = peers[index].key
        for request in Array(peers[index].pipeline.inFlight)
        where picker.isOnParole(request.block.piece, with: key) {
            picker.gaveBack(request.block)
            cancel(request.block, at: index, now: now)
        }
        picker.releaseParole(of: key)
    }

    // MARK: Second requests

    /// Sees to it that what a reader waits for stands behind nothing that can wait, and is asked of
    /// another peer if it is late.
    private mutating func helpReaders(now: Instant) {
        guard hasDemand, peers.count > 1 else { return }
        // A limit holds blocks open whatever the pipelines hold.
        if !downloadAllowance.isLimited,
            let position = picker.firstOpenUrgentPosition(have: have),
            callBack(behind: position, now: now)
        {
            requestMore(now: now)
        }
        var late = lateBlocks(now: now)
        if !downloadAllowance.isLimited, clearWay(for: late, now: now) {
            requestMore(now: now)
            late = lateBlocks(now: now)
        }
        hedge(late, now: now)
    }

    /// Cancels what is needed much later than what a reader waits for, and would come before it from
    /// the same peer.
    ///
    /// - Returns: whether there was any.
    private mutating func clearWay(for late: [Late], now: Instant) -> Bool {
        var awaited: [Int: Set<Block>] = [:]
        for late in late
        where late.dueIn <= 0 && late.remaining > Self.patience && plan.isUrgent(late.block.piece) {
            awaited[late.owner, default: []].insert(late.block)
        }
        guard !awaited.isEmpty else { return false }
        let sooner = pieces(neededUpTo: plan.age(now: now) + Self.horizon)
        var isAny = false
        for (owner, blocks) in awaited.sorted(by: { $0.key < $1.key }) {
            let inFlight = Array(peers[owner].pipeline.inFlight)
            guard let last = inFlight.lastIndex(where: { blocks.contains($0.block) }) else {
                continue
            }
            isAny =
                cancel(inFlight[..<last], at: owner, now: now) { !sooner.contains($0) } || isAny
        }
        return isAny
    }

    /// A piece that was wrong is asked for once more, and of those who have been asked for much else: if
    /// it is needed before they come to it, that has to wait.
    mutating func makeWay(for piece: PieceIndex, now: Instant) {
        guard hasDemand, !downloadAllowance.isLimited,
            let position = plan.order.firstIndex(of: piece),
            plan.leads[position] - plan.age(now: now) <= Self.reach
        else { return }
        callBack(behind: position, now: now)
    }

    /// Cancels what is needed much later than the piece at this place of the plan, at those who have
    /// that.
    ///
    /// - Returns: whether there was any.
    @discardableResult
    private mutating func callBack(behind position: Int, now: Instant) -> Bool {
        let sooner = pieces(neededUpTo: plan.leads[position] + Self.horizon)
        return cancelRequests(ofHolders: plan.order[position], now: now) { !sooner.contains($0) }
    }

    /// - Parameter lead: in seconds from when the plan was made.
    private func pieces(neededUpTo lead: Double) -> Set<PieceIndex> {
        Set(zip(plan.order, plan.leads).lazy.filter { $0.1 <= lead }.map(\.0))
    }

    /// Requests blocks that are needed soon from another peer, if the one that was asked is late,
    /// would be, or would take much longer.
    private mutating func hedge(_ late: [Late], now: Instant) {
        let hasWaitedLong = demand.longestWait(now: now) >= Self.longWait
        for late in late {
            guard hedgeBudget.permitsMore, downloadAllowance.permitsMore else { return }
            let copies = picker.requestCount(of: late.block)
            let isWaitedFor = plan.isUrgent(late.block.piece)
            let allowed =
                isWaitedFor && hasWaitedLong || assembler.isDoubted(late.block.piece)
                ? Self.maximumCopies.afterLongWait : Self.maximumCopies.usually
            guard (1..<allowed).contains(copies),
                let other = alternative(to: late.owner, for: late.block, now: now)
            else { continue }
            let delay = peers[other].pipeline.estimate(typicalRate: typicalRate, now: now).next
            let isWorthwhile =
                (late.isOverdue && (isWaitedFor || late.dueIn < delay + Self.worthwhile))
                || (isWaitedFor && late.remaining > Self.worthwhile
                    && delay < Self.gain * late.remaining)
                || (late.remaining > late.dueIn && delay < late.dueIn)
            guard isWorthwhile else { continue }
            hedgeBudget.spend(Int(late.block.length))
            picker.duplicated(late.block)
            request(late.block, from: other, now: now)
        }
    }

    /// The blocks in flight that are needed soon, in order of need.
    private func lateBlocks(now: Instant) -> [Late] {
        let age = plan.age(now: now)
        var dues: [PieceIndex: Double] = [:]
        for (piece, lead) in zip(plan.order, plan.leads) {
            guard lead - age <= Self.horizon else { break }
            if picker.isUnfinished(piece) { dues[piece] = lead - age }
        }
        for piece in plan.hastened where picker.isUnfinished(piece) {
            dues[piece] = min(dues[piece] ?? 0, 0)
        }
        guard !dues.isEmpty else { return [] }
        var late: [Late] = []
        for owner in peers.indices {
            let pace = peers[owner].pipeline.pace
            let isSilent =
                peers[owner].pipeline.isSilent(now: now)
                || peers[owner].pipeline.isLateWithItsFirst(now: now)
            // What was assumed of a peer that has had no time to answer says nothing.
            guard pace.hasDelivered || isSilent else { continue }
            // What is lost on the way is there a round trip later, which is less than a copy takes.
            let margin = max(
                0.1,
                0.75 * pace.roundTrip,
                pace.rate == nil ? 0 : 2 * pace.blockTime
            )
            var queue = 0.0
            for request in peers[owner].pipeline.inFlight {
                queue += pace.blockTime
                guard let dueIn = dues[request.block.piece] else { continue }
                let expected = request.expectedDelay - (now - request.sentAt) / .seconds(1)
                late.append(
                    Late(
                        block: request.block,
                        owner: owner,
                        remaining: isSilent ? .infinity : max(expected, queue),
                        dueIn: dueIn,
                        isOverdue: isSilent || expected < -margin
                    )
                )
            }
        }
        return late.sorted {
            ($0.dueIn, $0.block.piece, $0.block.offset)
                < ($1.dueIn, $1.block.piece, $1.block.offset)
        }
    }

    /// Who would deliver the block soonest, but for its owner, though its pipeline be full: what a reader
    /// needs next must not wait for room.
    private func alternative(to owner: Int, for block: Block, now: Instant) -> Int? {
        var best: (index: Int, delay: Double)?
        for index in peers.indices
        where index != owner && !peers[index].isChokingUs && peers[index].has[block.piece]
            && peers[index].pipeline.spareRoom > 0 && !peers[index].pipeline.isFailing
            && !peers[index].pipeline.isSilent(now: now)
            && !peers[index].pipeline.isLateWithItsFirst(now: now)
            && !peers[index].pipeline.contains(block)
            && picker.accepts(block, from: peers[index].key)
        {
            let delay = peers[index].pipeline.estimate(typicalRate: typicalRate, now: now).next
            if best.map({ delay < $0.delay }) ?? true { best = (index, delay) }
        }
        return best?.index
    }
}
