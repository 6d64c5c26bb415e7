package import BitTorrentProtocol

extension UTPConnection {
    /// A datagram has come for this connection.
    ///
    /// - Parameter byteCount: of its payload.
    package mutating func received(
        _ header: UTPHeader,
        byteCount: Int,
        now: Instant
    ) -> Arrival {
        let time = clock.microseconds(now)
        switch state {
        case .closed: return .ignored
        case .connecting: guard greeted(header, time) else { return .ignored }
        case .open, .closing: break
        }
        let acknowledged = header.acknowledged.expanded(near: sent.next - 1)
        if header.kind == .reset {
            // It may answer an acknowledgement, which has the number of what would follow.
            if acknowledged <= sent.next { state = .closed(.reset) }
            return .ignored
        }
        // Whoever acknowledges what was never sent is not our peer, or lies.
        guard acknowledged < sent.next, header.kind != .syn else { return .ignored }
        observe(header, time)
        if acknowledged >= sent.first - 1 {
            take(header, through: acknowledged, byteCount: byteCount, time)
        }
        guard header.kind != .state else { return .ignored }
        return state == .open
            ? take(header, byteCount, time) : absorb(header, byteCount, time)
    }

    /// - Returns: false for what answers no question of ours.
    private mutating func greeted(_ header: UTPHeader, _ time: Int) -> Bool {
        guard greetings > 0, header.acknowledged.expanded(near: sent.next) == sent.next - 1,
            header.kind != .syn
        else { return false }
        guard header.kind != .reset else { return true }
        state = .open
        timeoutAt = nil
        if greetings == 1 { roundTrips.add(time - greetedAt) }
        // A number of its own has only what carries data.
        let first = Int(header.sequence)
        received = UTPReceived(next: first, capacity: receiveWindow)
        return true
    }

    /// How long the peer's datagrams are under way, and what its clock does.
    private mutating func observe(_ header: UTPHeader, _ time: Int) {
        observedDelay = UInt32(truncatingIfNeeded: time) &- header.timestamp
        let before = peerDelays.base
        peerDelays.add(observedDelay, at: time)
        // The least delay falls as the peer's clock gains on ours; then ours to it seems to grow.
        if let before, let base = peerDelays.base, base != before {
            let step = before &- base
            if step <= UTPLimits.maximumClockStep { ownDelays.shift(by: step) }
        }
    }

    // MARK: Acknowledgements

    private mutating func take(
        _ header: UTPHeader,
        through number: Int,
        byteCount: Int,
        _ time: Int
    ) {
        let wasLimited =
            sent.bytesUnderWay + pathMTU.segment >= Int(congestion.window) || sent.hasLosses
        let isRepeated =
            header.kind == .state && number == sent.first - 1 && header.selectiveAck == nil
            && !sent.isEmpty && Int(header.window) == peerWindow
        let least = roundTrips.least
        let news = sent.acknowledge(
            through: number,
            header.selectiveAck,
            at: time,
            leastRoundTrip: least
        )
        setPeerWindow(Int(header.window), time)
        timeouts = 0
        if news.hasProgress {
            duplicateAcks = 0
            progressed(news, header, wasLimited: wasLimited, time)
        } else if isRepeated {
            duplicateAcks += 1
            if duplicateAcks == Int(UTPLimits.reorderTolerance) { noted(sent.loseFirst()) }
        }
        if header.selectiveAck != nil || sent.hasLosses || news.hasProgress {
            noted(sent.findLosses())
        }
        if isFarewellSent, sent.isEmpty { state = .closed(.finished) }
    }

    private mutating func progressed(
        _ news: UTPSent.News,
        _ header: UTPHeader,
        wasLimited: Bool,
        _ time: Int
    ) {
        if let roundTrip = news.roundTrip { roundTrips.add(roundTrip) }
        roundTrips.acknowledged()
        if news.isTrialArrived { pathMTU.trialArrived() }
        if header.delay != 0 { ownDelays.add(header.delay, at: time) }
        congestion.acknowledged(
            news.byteCount,
            delay: ownDelays.current,
            isLimited: wasLimited,
            segment: pathMTU.segment
        )
        isTailResent = false
        timeoutAt = nil
        if !sent.isEmpty { setTimeout(time) }
    }

    private mutating func noted(_ losses: UTPSent.Losses) {
        if losses.isTrialLost { pathMTU.trialLost() }
        if losses.isNew { congestion.lost(segment: pathMTU.segment) }
    }

    private mutating func setPeerWindow(_ byteCount: Int, _ time: Int) {
        peerWindow = byteCount
        guard byteCount == 0 else {
            windowProbeAt = nil
            windowProbeInterval = UTPLimits.windowProbeInterval
            return
        }
        if windowProbeAt == nil { windowProbeAt = time + windowProbeInterval }
    }

    // MARK: Data

    private mutating func take(_ header: UTPHeader, _ byteCount: Int, _ time: Int) -> Arrival {
        guard header.kind == .fin || byteCount > 0, var received else { return .ignored }
        self.received = nil  // leaves `received` the only owner of its memory
        defer { self.received = received }
        let number = header.sequence.expanded(near: received.next)
        let arrival = received.arrived(
            number,
            byteCount: byteCount,
            isLast: header.kind == .fin
        )
        if case .inOrder(following: 0) = arrival, !received.hasGap, !received.isComplete {
            unacknowledged += 1
            if unacknowledged >= UTPLimits.acknowledgedAtOnce { isAckDue = true }
            ackAt = ackAt ?? time + UTPLimits.acknowledgementDelay
        } else {
            // The peer waits to hear of a gap, of its end, or of what it sent twice.
            isAckDue = true
        }
        return arrival
    }

    /// What comes while we leave is acknowledged, so that the peer can leave too, and dropped.
    private mutating func absorb(_ header: UTPHeader, _ byteCount: Int, _ time: Int) -> Arrival {
        guard state == .closing else { return .ignored }
        if case .inOrder = take(header, byteCount, time) { received?.takeAll() }
        return .ignored
    }
}
