package import BitTorrentProtocol

/// By what a connection to a peer is carried.
package enum Transport: Hashable, CaseIterable, Sendable {
    case tcp
    case utp
}

/// A dial by several transports to the same address: the first connection that stands is taken.
///
/// The next transport starts a little after the one before, or as soon as that has failed.
package struct TransportRace {
    package typealias Instant = ContinuousClock.Instant

    /// What the owner must do next, in order.
    package enum Action: Equatable, Sendable {
        case connect(Transport)
        /// This connection is taken.
        case take(Transport)
        /// This connection, which stands, comes too late.
        case close(Transport)
        /// None stands or will.
        case fail
    }

    /// Between the starts of two transports.
    package static let headStart = Duration.milliseconds(250)

    /// Those that have not started.
    private var rest: ArraySlice<Transport>
    private var underWay: Set<Transport> = []
    private var isDecided = false
    /// When the next transport starts; `nil` if none will.
    package private(set) var nextDeadline: Instant?

    /// - Parameter order: the first one first.
    package init(order: [Transport]) { rest = order[...] }

    package mutating func start(now: Instant) -> [Action] { startNext(now) }

    package mutating func timerFired(now: Instant) -> [Action] {
        guard let due = nextDeadline, due <= now else { return [] }
        return startNext(now)
    }

    package mutating func connected(_ transport: Transport) -> [Action] {
        underWay.remove(transport)
        guard !isDecided else { return [.close(transport)] }
        isDecided = true
        nextDeadline = nil
        return [.take(transport)]
    }

    /// - Parameter isFinal: no transport can reach the address, such as without a route to it.
    package mutating func failed(
        _ transport: Transport,
        isFinal: Bool = false,
        now: Instant
    ) -> [Action] {
        underWay.remove(transport)
        if isFinal { rest = [] }
        guard !isDecided else { return [] }
        if underWay.isEmpty, rest.isEmpty {
            isDecided = true
            nextDeadline = nil
            return [.fail]
        }
        return startNext(now)
    }

    private mutating func startNext(_ now: Instant) -> [Action] {
        nextDeadline = nil
        guard let transport = rest.popFirst() else { return [] }
        underWay.insert(transport)
        if !rest.isEmpty { nextDeadline = now + Self.headStart }
        return [.connect(transport)]
    }
}

/// By which transport peers were reached, so that they are dialled by it first.
package struct TransportMemory: Sendable {
    /// Addresses that are remembered; then all are forgotten.
    package static let maximumCount = 1000

    /// TCP is the rule.
    private var exceptions: Set<PeerAddress> = []

    package init() {}

    package func order(for address: PeerAddress) -> [Transport] {
        exceptions.contains(address) ? [.utp, .tcp] : [.tcp, .utp]
    }

    /// The peer has answered.
    package mutating func worked(_ transport: Transport, for address: PeerAddress) {
        switch transport {
        case .tcp: exceptions.remove(address)
        case .utp: remember(address)
        }
    }

    /// A connection stood, but the peer hung up before it said anything: it may speak by another
    /// transport alone.
    ///
    /// - Returns: whether to dial it again at once.
    package mutating func wasUnanswered(_ transport: Transport, by address: PeerAddress) -> Bool {
        guard exceptions.remove(address) == nil, transport == .tcp else { return false }
        remember(address)
        return true
    }

    private mutating func remember(_ address: PeerAddress) {
        if exceptions.count >= Self.maximumCount { exceptions.removeAll() }
        exceptions.insert(address)
    }
}
