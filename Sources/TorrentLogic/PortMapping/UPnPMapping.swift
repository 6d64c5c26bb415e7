import BitTorrentProtocol

/// Maps a port by UPnP at the Internet gateway device that is our default gateway (WANIPConnection
/// version 1 and 2).
///
/// The device is looked for at once, but nothing is mapped before `allowMapping`. One request is
/// under way at a time.
struct UPnPMapping: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum State: Equatable {
        case asking
        case mapped(host: [UInt8]?, ports: [MappedTransport: UInt16])
        case failed(reason: String)
    }

    private enum Phase {
        case searching(attempts: Int, deadline: Instant)
        /// The description is being read.
        case describing
        /// It is known who to ask.
        case found
        case calling(GatewayAction)
        case mapped(renewal: Instant)
        case failed(reason: String)
        case closed
    }

    private let request: PortMapping.Request
    private let clientHost: [UInt8]
    private let gatewayHost: [UInt8]
    private let limits: PortMappingLimits
    /// External ports to try, the next one first.
    private var candidates: [UInt16]
    private var lifetime: UInt32

    private var phase: Phase
    private var isAllowed = false
    private var isClosing = false
    private var services: [GatewayDescription.Service] = []
    private var ports: [MappedTransport: UInt16] = [:]
    private var externalHost: [UInt8]?
    /// What is still to be called in this round.
    private var pending: [MappedTransport] = []
    private var asksAddress = false
    private var knowsAddAny = true
    private var actions: [PortMapping.Action] = []

    init(
        _ request: PortMapping.Request,
        clientHost: [UInt8],
        gatewayHost: [UInt8],
        limits: PortMappingLimits,
        using generator: inout some RandomNumberGenerator,
        now: Instant
    ) {
        self.request = request
        self.clientHost = clientHost
        self.gatewayHost = gatewayHost
        self.limits = limits
        lifetime = UInt32(limits.lifetime.components.seconds)
        candidates = [request.port]
        for _ in 1..<limits.portCount {
            candidates.append(UInt16.random(in: 10_000...60_000, using: &generator))
        }
        phase = .searching(attempts: 0, deadline: now)
        search(now: now)
    }

    var state: State {
        switch phase {
        case .failed(let reason): .failed(reason: reason)
        case .mapped: .mapped(host: externalHost, ports: ports)
        default: .asking
        }
    }

    var isClosed: Bool {
        if case .closed = phase { true } else { false }
    }

    mutating func takeActions() -> [PortMapping.Action] {
        defer { actions = [] }
        return actions
    }

    var nextDeadline: Instant? {
        switch phase {
        case .searching(_, let deadline): deadline
        case .mapped(let renewal): renewal
        default: nil
        }
    }

    // MARK: Search

    private mutating func search(now: Instant) {
        guard case .searching(let attempts, _) = phase else { return }
        guard attempts < limits.searchCount else {
            return phase = .failed(reason: "no answer to the search")
        }
        phase = .searching(attempts: attempts + 1, deadline: now + limits.searchInterval)
        actions += SSDPSearch.targets.map { .search(SSDPSearch.encode(target: $0)) }
    }

    /// Whatever is not the gateway's own answer, with a page of its own, is ignored.
    mutating func searchAnswered(_ bytes: [UInt8], from sender: PeerAddress) {
        guard case .searching = phase, sender.host == gatewayHost,
            let response = SSDPResponse(decoding: bytes),
            response.location.address.host == gatewayHost
        else { return }
        phase = .describing
        actions.append(.fetch(response.location))
    }

    /// - Parameter description: `nil` if it could not be read.
    mutating func described(_ description: GatewayDescription?, now: Instant) {
        guard case .describing = phase else { return }
        guard !isClosing else { return phase = .closed }
        guard let description else {
            return phase = .failed(reason: "its description cannot be used")
        }
        services = description.services
        phase = .found
        if isAllowed { beginRound() }
    }

    mutating func allowMapping() {
        guard !isAllowed else { return }
        isAllowed = true
        if case .found = phase { beginRound() }
    }

    mutating func timerFired(now: Instant) {
        switch phase {
        case .searching(_, let deadline) where deadline <= now: search(now: now)
        case .mapped(let renewal) where renewal <= now: beginRound()
        default: break
        }
    }

    // MARK: Calls

    private mutating func beginRound() {
        asksAddress = true
        pending = request.transports
        // So that the next call is made although nothing was answered.
        advance(now: nil)
    }

    private mutating func call(_ action: GatewayAction) {
        guard let service = services.first else { return }
        phase = .calling(action)
        actions.append(.call(service, action))
    }

    /// The next call of the round, or its end.
    private mutating func advance(now: Instant?) {
        if isClosing { return remove() }
        if asksAddress {
            call(.externalAddress)
        } else if let transport = pending.first {
            map(transport)
        } else if ports.isEmpty {
            phase = .failed(reason: "it maps no port")
        } else if let now {
            let granted = lifetime == 0 ? limits.lifetime : .seconds(Int64(lifetime))
            phase = .mapped(renewal: now + limits.renewal(of: granted))
        }
    }

    private mutating func map(_ transport: MappedTransport) {
        let port = ports[transport] ?? candidates.first ?? request.port
        let mapping = GatewayAction.Mapping(
            transport: transport,
            externalPort: port,
            internalPort: request.port,
            internalHost: clientHost.map { "\($0)" }.joined(separator: "."),
            lifetime: lifetime
        )
        let usesAddAny = services.first?.kind == .ip2 && knowsAddAny && ports[transport] == nil
        call(usesAddAny ? .addAny(mapping) : .add(mapping))
    }

    /// - Parameter answer: `nil` if there was none.
    mutating func answered(_ answer: GatewayAnswer?, now: Instant) {
        guard case .calling(let action) = phase else { return }
        switch action {
        case .externalAddress:
            asksAddress = false
            externalHost = answer?.externalHost ?? externalHost
            guard answer != nil else { return tryNextService("it does not answer", now: now) }
        case .add(let mapping): mapped(mapping, mapping.externalPort, answer, now: now)
        case .addAny(let mapping):
            mapped(mapping, answer?.reservedPort ?? mapping.externalPort, answer, now: now)
        case .delete(let transport, _): ports[transport] = nil
        }
        guard case .calling = phase else { return }
        advance(now: now)
    }

    private mutating func mapped(
        _ mapping: GatewayAction.Mapping,
        _ externalPort: UInt16,
        _ answer: GatewayAnswer?,
        now: Instant
    ) {
        switch answer {
        case .success:
            ports[mapping.transport] = externalPort
            pending.removeAll { $0 == mapping.transport }
        case .fault(let code): refused(mapping.transport, code: code, now: now)
        case nil: tryNextService("it does not answer", now: now)
        }
    }

    private mutating func refused(_ transport: MappedTransport, code: Int, now: Instant) {
        switch code {
        // Somebody else has that port: another one.
        case 718 where candidates.count > 1:
            ports[transport] = nil
            candidates.removeFirst()
        // It maps for ever, or not at all.
        case 725 where lifetime != 0: lifetime = 0
        case 401 where knowsAddAny: knowsAddAny = false
        default:
            // One transport is better than none.
            pending.removeAll { $0 == transport }
            ports[transport] = nil
            if ports.isEmpty, pending.isEmpty {
                tryNextService("it refuses with error \(code)", now: now)
            }
        }
    }

    private mutating func tryNextService(_ reason: String, now: Instant) {
        if !services.isEmpty { services.removeFirst() }
        ports = [:]
        guard !services.isEmpty, !isClosing else {
            return phase = isClosing ? .closed : .failed(reason: reason)
        }
        beginRound()
    }

    // MARK: End

    /// Removes what is mapped, after the call that is under way.
    mutating func close() {
        guard !isClosing else { return }
        isClosing = true
        switch phase {
        case .calling, .describing: break
        default: remove()
        }
    }

    private mutating func remove() {
        guard let (transport, port) = ports.min(by: { $0.key < $1.key }), !services.isEmpty else {
            return phase = .closed
        }
        call(.delete(transport, externalPort: port))
    }
}
