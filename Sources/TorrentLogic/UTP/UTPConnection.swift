package import BitTorrentProtocol

/// One uTP connection (BEP 29): everything that it decides.
///
/// It has no clock, no socket and no payload. Datagrams that came, bytes that are to be sent and
/// bytes that were taken are told to it; after each burst of these the owner asks for what is to be
/// sent until there is nothing more (`nextDatagram`), looks at `state`, and sets its timer to
/// `nextDeadline`.
///
/// Numbers of datagrams are 16 bits on the wire. Inside they do not wrap: each is taken for the
/// nearest to what is expected.
package struct UTPConnection {
    package typealias Instant = ContinuousClock.Instant

    package enum State: Equatable, Sendable {
        /// We asked for a connection.
        case connecting
        case open
        /// We have said, or are about to say, that nothing follows.
        case closing
        case closed(End)
    }

    package enum End: Equatable, Sendable {
        /// The peer knows that we are gone.
        case finished
        case reset
        /// It never answered.
        case unreachable
        /// It answered once.
        case timedOut
    }

    /// What has become of a datagram's payload.
    package enum Arrival: Equatable, Sendable {
        /// There was none, or it is not needed, or there is no room for it.
        case ignored
        /// Keep it under its number until it is its turn.
        case early
        /// It is next, and after it so many of those that were kept.
        case inOrder(following: Int)
    }

    /// What is to be sent.
    package struct Datagram: Equatable, Sendable {
        package var header: UTPHeader
        package var segment: Segment?
        /// Tries how much the path carries: must not be cut into fragments.
        package var isTrial = false
    }

    /// The payload of a datagram.
    package struct Segment: Equatable, Sendable {
        package let number: Int
        package let byteCount: Int
        /// It takes the next bytes that wait to be sent; else it was sent before.
        package let isNew: Bool
    }

    package internal(set) var state: State
    /// In datagrams that come.
    package let receiveID: UInt16
    let sendID: UInt16
    let clock: UTPClock

    var sent: UTPSent
    /// Set once the number of the peer's first datagram is known.
    var received: UTPReceived?
    let receiveWindow: Int
    var congestion: LEDBAT
    var pathMTU: UTPPathMTU
    var roundTrips = UTPRoundTrips()
    var ownDelays = UTPDelays()
    var peerDelays = UTPDelays()

    /// Bytes that wait to be sent for the first time.
    var unsentByteCount = 0
    var isFarewellSent = false
    /// Bytes that the peer takes beyond the acknowledged ones.
    var peerWindow = 0
    /// What is said of the peer's last datagram (`delay`).
    var observedDelay: UInt32 = 0
    /// What was said of our window last.
    var toldRoom = 0

    /// First datagrams (SYN) sent, and when the last of them was.
    var greetings = 0
    var greetedAt = 0
    var timeouts = 0
    var duplicateAcks = 0
    var isAckDue = false
    /// Datagrams that came in order and are not acknowledged.
    var unacknowledged = 0
    var ackAt: Int?
    var timeoutAt: Int?
    /// The end of what is under way was sent twice, because nothing had been heard of it.
    var isTailResent = false
    /// To be sent again whatever the window says.
    var urgent: Int?
    var windowProbeAt: Int?
    var windowProbeInterval = UTPLimits.windowProbeInterval
    /// One segment may go out in spite of the peer's window.
    var isWindowProbeDue = false

    /// We connect to a peer.
    ///
    /// - Parameters:
    ///   - receiveID: names the connection; unused so far between the two addresses.
    ///   - sequence: our first number; random.
    ///   - receiveWindow: bytes that we take before the owner takes them.
    package init(
        connectingAs receiveID: UInt16,
        sequence: UInt16,
        isIPv6: Bool,
        receiveWindow: Int = UTPLimits.receiveWindow,
        now: Instant
    ) {
        self.receiveID = receiveID
        self.receiveWindow = receiveWindow
        sendID = receiveID &+ 1
        clock = UTPClock(epoch: now)
        state = .connecting
        sent = UTPSent(next: Int(sequence))
        pathMTU = UTPPathMTU(isIPv6: isIPv6)
        congestion = LEDBAT(segment: pathMTU.segment)
        timeoutAt = 0
    }

    /// We accept a peer that has shown that it hears us.
    package init(
        accepting request: UTPListener.Request,
        receiveWindow: Int = UTPLimits.receiveWindow,
        now: Instant
    ) {
        receiveID = request.key.receiveID
        self.receiveWindow = receiveWindow
        sendID = request.key.receiveID &- 1
        clock = UTPClock(epoch: now)
        state = .open
        sent = UTPSent(next: Int(request.ownSequence))
        received = UTPReceived(next: Int(request.peerSequence) + 1, capacity: receiveWindow)
        toldRoom = receiveWindow
        pathMTU = UTPPathMTU(isIPv6: request.key.address.isIPv6)
        congestion = LEDBAT(segment: pathMTU.segment)
    }

    // MARK: The owner's side

    /// The number below which everything sent has arrived: its payload is not needed any more.
    package var acknowledgedEnd: Int { sent.first }

    /// The number of the first payload that comes.
    package var receivedEnd: Int? { received?.next }

    /// The number of a datagram that was told by `received`, for its payload.
    package func number(of header: UTPHeader) -> Int? {
        received.map { header.sequence.expanded(near: $0.next) }
    }

    /// Whether the number stands in datagrams to the peer.
    package func hasSendID(_ id: UInt16) -> Bool { sendID == id }

    /// The peer has said that nothing follows, and all of it is here.
    package var isAtEnd: Bool { received?.isComplete ?? false }

    /// Bytes in the queue before the bottleneck, as time; `nil` until the peer has told.
    package var queueingDelay: Duration? { ownDelays.current.map { .microseconds($0) } }

    /// Bytes that wait to be sent were added.
    package mutating func write(_ byteCount: Int) {
        guard state == .open || state == .connecting else { return }
        unsentByteCount += byteCount
    }

    /// Bytes that came in order were taken.
    package mutating func taken(_ byteCount: Int) {
        received?.taken(byteCount)
        guard let room = received?.room else { return }
        // Whoever waits for room is told soon, but not of every little of it.
        if toldRoom < receiveWindow / 2, room - toldRoom >= receiveWindow / 4 { isAckDue = true }
    }

    /// Sends no more than what has a number already, then says goodbye.
    package mutating func close() {
        switch state {
        case .connecting: state = .closed(.finished)
        case .open:
            state = .closing
            unsentByteCount = 0
        case .closing, .closed: break
        }
    }

    /// When to call `timerFired`; it changes with every event.
    package var nextDeadline: Instant? {
        if case .closed = state { return nil }
        let times = [ackAt, timeoutAt, windowProbeAt]
        return times.lazy.compactMap(\.self).min().map { clock.instant($0) }
    }
}
