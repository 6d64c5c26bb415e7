import BitTorrentProtocol

extension UTPConnection {
    /// The next datagram to be sent at this moment, or `nil`.
    package mutating func nextDatagram(now: Instant) -> Datagram? {
        let time = clock.microseconds(now)
        switch state {
        case .closed: return nil
        case .connecting: return nextGreeting(time)
        case .open, .closing:
            return nextResent(time) ?? nextNew(time) ?? nextAck(time)
        }
    }

    package mutating func timerFired(now: Instant) {
        let time = clock.microseconds(now)
        if let due = ackAt, due <= time { isAckDue = true }
        if let due = windowProbeAt, due <= time {
            isWindowProbeDue = true
            windowProbeInterval = min(
                2 * windowProbeInterval,
                UTPLimits.maximumWindowProbeInterval
            )
            windowProbeAt = time + windowProbeInterval
        }
        if let due = timeoutAt, due <= time { timedOut(time) }
    }

    // MARK: Time-outs

    mutating func setTimeout(_ time: Int) {
        let timeout = roundTrips.timeout
        guard !isTailResent, timeouts == 0, let roundTrip = roundTrips.smoothed else {
            timeoutAt = time + timeout
            return
        }
        // Nothing that comes later can show that the end of a burst is lost.
        timeoutAt = time + min(timeout, 2 * roundTrip + UTPLimits.acknowledgementSlack)
    }

    private mutating func timedOut(_ time: Int) {
        timeoutAt = nil
        if state == .connecting { return greetAgain() }
        guard !sent.isEmpty else { return }
        if !isTailResent, timeouts == 0, roundTrips.smoothed != nil, !sent.hasLosses {
            isTailResent = true
            urgent = sent.lastUnderWay
            timeoutAt = time + roundTrips.timeout
            return
        }
        timeouts += 1
        let maximum =
            state == .closing ? UTPLimits.maximumFarewellTimeouts : UTPLimits.maximumTimeouts
        if timeouts > maximum {
            state = .closed(.timedOut)
            return
        }
        roundTrips.timedOut()
        if sent.loseAll().isTrialLost { pathMTU.trialLost() }
        if timeouts == 3 { pathMTU.distrust() }
        congestion.timedOut(segment: pathMTU.segment)
        isTailResent = true
        timeoutAt = time + roundTrips.timeout
    }

    private mutating func greetAgain() {
        if greetings >= UTPLimits.maximumGreetings {
            state = .closed(.unreachable)
        } else {
            timeoutAt = 0
        }
    }

    // MARK: Datagrams

    private mutating func nextGreeting(_ time: Int) -> Datagram? {
        guard timeoutAt == 0 else { return nil }
        // The first takes a number; the others are the same again.
        if greetings == 0 { sent = UTPSent(next: sent.next + 1) }
        timeoutAt = time + UTPLimits.initialTimeout << min(greetings, 1)
        greetings += 1
        greetedAt = time
        var header = header(.syn, number: sent.next - 1, time)
        header.connectionID = receiveID
        return Datagram(header: header)
    }

    private mutating func nextResent(_ time: Int) -> Datagram? {
        let number: Int
        if let urgent, let segment = sent[urgent], segment.state != .acknowledged {
            number = urgent
        } else if let lost = sent.nextLost(), let segment = sent[lost],
            sent.bytesUnderWay == 0
                || sent.bytesUnderWay + segment.byteCount <= Int(congestion.window)
        {
            number = lost
        } else {
            urgent = nil
            return nil
        }
        urgent = nil
        guard let segment = sent[number] else { return nil }
        sent.resent(number, at: time)
        return datagram(
            header(segment.isLast ? .fin : .data, number: number, time),
            Segment(number: number, byteCount: segment.byteCount, isNew: false)
        )
    }

    private mutating func nextNew(_ time: Int) -> Datagram? {
        if state == .closing, unsentByteCount == 0, !isFarewellSent {
            isFarewellSent = true
            return newSegment(byteCount: 0, isLast: true, isTrial: false, time)
        }
        guard unsentByteCount > 0, !sent.isFull, !sent.hasLosses else { return nil }
        let size = min(unsentByteCount, pathMTU.segment)
        if isWindowProbeDue {
            isWindowProbeDue = false
            if sent.isEmpty, peerWindow == 0 {
                return newSegment(byteCount: size, isLast: false, isTrial: false, time)
            }
        }
        let underWay = sent.bytesUnderWay
        let isFirst = underWay == 0 && peerWindow > 0
        guard isFirst || underWay + size <= min(Int(congestion.window), peerWindow) else {
            return nil
        }
        if unsentByteCount > UTPLimits.maximumDatagram, underWay > 0,
            underWay + UTPLimits.maximumDatagram <= peerWindow,
            let trial = pathMTU.trial(at: time)
        {
            return newSegment(byteCount: trial, isLast: false, isTrial: true, time)
        }
        return newSegment(
            byteCount: underWay == 0 ? min(size, peerWindow) : size,
            isLast: false,
            isTrial: false,
            time
        )
    }

    private mutating func newSegment(
        byteCount: Int,
        isLast: Bool,
        isTrial: Bool,
        _ time: Int
    ) -> Datagram {
        let number = sent.append(
            byteCount: byteCount,
            isLast: isLast,
            isTrial: isTrial,
            at: time
        )
        unsentByteCount -= byteCount
        if timeoutAt == nil { setTimeout(time) }
        return datagram(
            header(isLast ? .fin : .data, number: number, time),
            Segment(number: number, byteCount: byteCount, isNew: true),
            isTrial: isTrial
        )
    }

    private mutating func nextAck(_ time: Int) -> Datagram? {
        guard isAckDue else { return nil }
        var header = header(.state, number: sent.next, time)
        header.selectiveAck = received?.selectiveAck
        return datagram(header, nil)
    }

    /// Whatever is sent acknowledges; but only one without payload tells of gaps.
    private mutating func datagram(
        _ header: UTPHeader,
        _ segment: Segment?,
        isTrial: Bool = false
    ) -> Datagram {
        if segment == nil || received?.hasGap == false {
            isAckDue = false
            ackAt = nil
            unacknowledged = 0
        }
        return Datagram(header: header, segment: segment, isTrial: isTrial)
    }

    private mutating func header(_ kind: UTPHeader.Kind, number: Int, _ time: Int) -> UTPHeader {
        toldRoom = received?.room ?? receiveWindow
        return UTPHeader(
            kind,
            connectionID: sendID,
            timestamp: UInt32(truncatingIfNeeded: time),
            delay: observedDelay,
            window: UInt32(clamping: toldRoom),
            sequence: UInt16(truncatingIfNeeded: number),
            acknowledged: UInt16(truncatingIfNeeded: (received?.next ?? 1) - 1)
        )
    }
}
