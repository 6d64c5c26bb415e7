import BitTorrentProtocol

/// Maps a port at one gateway by PCP (RFC 6887), or by NAT-PMP (RFC 6886) if the gateway knows no
/// PCP.
///
/// Packets are to go to, and may come from, the gateway alone.
struct GatewayMapping: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum State: Equatable {
        case asking
        case mapped(method: PortMapping.Method, host: [UInt8]?, ports: [MappedTransport: UInt16])
        case failed(reason: String)
    }

    /// What is asked of the gateway.
    private enum Subject: Hashable {
        /// By NAT-PMP; PCP says it with the mapping.
        case externalAddress
        case map(MappedTransport)
    }

    private struct Question {
        var attempts = 0
        var deadline: Instant
    }

    private struct Grant {
        var externalPort: UInt16
        var renewal: Instant
        var end: Instant
    }

    private let request: PortMapping.Request
    private let clientHost: [UInt8]
    private let limits: PortMappingLimits
    private let nonces: [MappedTransport: [UInt8]]

    private var method = PortMapping.Method.pcp
    private var questions: [Subject: Question] = [:]
    private var grants: [MappedTransport: Grant] = [:]
    private var externalHost: [UInt8]?
    private var epoch = GatewayEpoch()
    /// Of the last refusal.
    private var reason: String?
    private var hasAnswered = false
    private var isClosing = false
    private var packets: [[UInt8]] = []

    /// - Parameter clientHost: the source of our packets.
    init(
        _ request: PortMapping.Request,
        clientHost: [UInt8],
        limits: PortMappingLimits,
        using generator: inout some RandomNumberGenerator,
        now: Instant
    ) {
        self.request = request
        self.clientHost = clientHost
        self.limits = limits
        var nonces: [MappedTransport: [UInt8]] = [:]
        for transport in request.transports {
            nonces[transport] = (0..<PCPMapRequest.nonceByteCount).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
        }
        self.nonces = nonces
        for transport in request.transports { ask(.map(transport), now: now) }
    }

    var state: State {
        if questions.keys.contains(where: { $0 != .externalAddress }), grants.isEmpty {
            return .asking
        }
        guard !grants.isEmpty else { return .failed(reason: reason ?? "no answer") }
        // The first report waits until all is known.
        let isAddressAwaited = externalHost == nil && questions[.externalAddress] != nil
        guard questions.isEmpty || grants.count == request.transports.count, !isAddressAwaited
        else { return .asking }
        return .mapped(
            method: method,
            host: externalHost,
            ports: grants.mapValues(\.externalPort)
        )
    }

    /// Whether everything that was mapped is removed; after `close`.
    var isClosed: Bool { isClosing && questions.isEmpty }

    /// The packets to send since the last call, in order.
    mutating func takePackets() -> [[UInt8]] {
        defer { packets = [] }
        return packets
    }

    var nextDeadline: Instant? {
        let renewals = isClosing ? [] : grants.values.map { min($0.renewal, $0.end) }
        return (questions.values.map(\.deadline) + renewals).min()
    }

    // MARK: Asking

    private mutating func ask(_ subject: Subject, now: Instant) {
        let attempts = questions[subject]?.attempts ?? 0
        let wait = limits.firstRepetition * (1 << attempts)
        questions[subject] = Question(attempts: attempts + 1, deadline: now + wait)
        packets.append(packet(subject))
    }

    private func packet(_ subject: Subject) -> [UInt8] {
        guard case .map(let transport) = subject else {
            return NATPMPRequest.externalAddress.encode()
        }
        let port = isClosing ? 0 : grants[transport]?.externalPort ?? request.port
        let lifetime = isClosing ? 0 : UInt32(limits.lifetime.components.seconds)
        if method == .natPMP {
            return NATPMPRequest.map(
                transport,
                internalPort: request.port,
                suggestedPort: port,
                lifetime: lifetime
            ).encode()
        }
        return PCPMapRequest(
            nonce: nonces[transport] ?? [],
            transport: transport,
            clientHost: clientHost,
            internalPort: request.port,
            suggestedPort: port,
            lifetime: lifetime
        ).encode()
    }

    private mutating func fallBack(now: Instant) {
        // NAT-PMP knows IPv4 alone.
        guard method == .pcp, clientHost.count == 4, !isClosing else { return }
        method = .natPMP
        (questions, grants, reason) = ([:], [:], nil)
        ask(.externalAddress, now: now)
        for transport in request.transports { ask(.map(transport), now: now) }
    }

    // MARK: Events

    mutating func received(_ bytes: [UInt8], now: Instant) {
        if method == .pcp, let response = PCPMapResponse(decoding: bytes) {
            received(response, now: now)
        } else if let response = NATPMPResponse(decoding: bytes) {
            received(response, now: now)
        }
    }

    /// Nothing listens at the gateway (ICMP).
    mutating func refused() {
        guard !hasAnswered else { return }
        questions = [:]
        reason = "nothing listens at the gateway"
    }

    mutating func timerFired(now: Instant) {
        for (subject, question) in questions where question.deadline <= now {
            if question.attempts < (isClosing ? 3 : limits.attemptCount) {
                ask(subject, now: now)
            } else {
                questions[subject] = nil
                givenUp(subject, now: now)
            }
        }
        if questions.isEmpty, grants.isEmpty, !hasAnswered { fallBack(now: now) }
        guard !isClosing else { return }
        for (transport, grant) in grants {
            if grant.end <= now {
                grants[transport] = nil
                reason = "the gateway no longer answers"
            } else if grant.renewal <= now, questions[.map(transport)] == nil {
                renew(now: now)
            }
        }
    }

    private mutating func renew(now: Instant) {
        for transport in grants.keys.sorted() {
            let renewal = now + limits.longestRenewal
            grants[transport]?.renewal = renewal
            ask(.map(transport), now: now)
        }
        if method == .natPMP { ask(.externalAddress, now: now) }
    }

    private mutating func givenUp(_ subject: Subject, now: Instant) {
        guard case .map(let transport) = subject, let grant = grants[transport] else { return }
        // Once more at half of what is left of its life.
        let rest = now.duration(to: grant.end)
        let renewal = now + max(limits.shortestRenewal, rest / 2)
        grants[transport]?.renewal = renewal
    }

    /// Removes what is mapped; the answers are awaited until `isClosed`.
    mutating func close(now: Instant) {
        guard !isClosing else { return }
        isClosing = true
        let subjects = Set(questions.keys.filter { $0 != .externalAddress })
            .union(grants.keys.map { Subject.map($0) })
        questions = [:]
        // One that never answered has nothing to remove.
        guard hasAnswered else { return }
        for subject in subjects { ask(subject, now: now) }
    }

    // MARK: Answers

    private mutating func received(_ response: PCPMapResponse, now: Instant) {
        let subject = Subject.map(response.transport)
        guard questions[subject] != nil else { return }
        if response.result == .unsupportedVersion { return fallBack(now: now) }
        guard response.nonce == nonces[response.transport], response.internalPort == request.port
        else { return }
        answered(subject, epoch: response.epoch, now: now)
        switch response.result {
        case .success where isClosing || response.lifetime == 0: grants[response.transport] = nil
        case .success:
            externalHost = response.externalHost
            grant(response.transport, response.externalPort, response.lifetime, now: now)
        case .refused(let code):
            grants[response.transport] = nil
            reason = PCPMapResponse.reason(of: code)
        case .unsupportedVersion: break
        }
    }

    private mutating func received(_ response: NATPMPResponse, now: Instant) {
        guard method == .natPMP else {
            // It answers PCP with an error of its own protocol (RFC 6887, appendix A).
            return fallBack(now: now)
        }
        switch response.body {
        case .externalAddress(let host):
            guard questions[.externalAddress] != nil else { return }
            answered(.externalAddress, epoch: response.epoch, now: now)
            externalHost = host
        case .mapped(let transport, let internalPort, let externalPort, let lifetime):
            let subject = Subject.map(transport)
            guard questions[subject] != nil, internalPort == request.port else { return }
            answered(subject, epoch: response.epoch, now: now)
            if isClosing || lifetime == 0 {
                grants[transport] = nil
            } else {
                grant(transport, externalPort, lifetime, now: now)
            }
        // A late answer to a packet of PCP: our version of NAT-PMP is the only one.
        case .refused(code: 1): break
        case .refused(let code):
            // It does not say what it refuses, so that is all.
            hasAnswered = true
            (questions, grants) = ([:], [:])
            reason = NATPMPResponse.reason(of: code)
        }
    }

    private mutating func answered(_ subject: Subject, epoch newEpoch: UInt32, now: Instant) {
        hasAnswered = true
        questions[subject] = nil
        guard epoch.isNew(newEpoch, now: now), !isClosing else { return }
        // What is asked already needs no second question.
        for transport in grants.keys.sorted()
        where subject != .map(transport) && questions[.map(transport)] == nil {
            ask(.map(transport), now: now)
        }
    }

    private mutating func grant(
        _ transport: MappedTransport,
        _ externalPort: UInt16,
        _ lifetime: UInt32,
        now: Instant
    ) {
        guard externalPort != 0 else { return }
        let lifetime = Duration.seconds(Int64(lifetime))
        grants[transport] = Grant(
            externalPort: externalPort,
            renewal: now + limits.renewal(of: lifetime),
            end: now + max(lifetime, limits.shortestRenewal * 2)
        )
    }
}
