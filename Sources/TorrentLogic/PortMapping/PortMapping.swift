package import BitTorrentProtocol

/// Makes the gateway of one address family let connections in to our port, and keeps it so: by PCP,
/// by NAT-PMP if the gateway knows no PCP, and for IPv4 by UPnP if it knows neither.
///
/// The UPnP device is looked for meanwhile, so that little time is lost; but only one way maps, since
/// two would undo each other.
package struct PortMapping: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package enum Method: String, Sendable {
        case pcp = "PCP"
        case natPMP = "NAT-PMP"
        case upnp = "UPnP"
    }

    /// What is to be mapped.
    package struct Request: Equatable, Sendable {
        /// The port on which we listen.
        package let port: UInt16
        package let transports: [MappedTransport]

        package init(port: UInt16, transports: [MappedTransport] = MappedTransport.allCases) {
            self.port = port
            self.transports = transports
        }
    }

    /// What was reached.
    package struct Mapping: Equatable, Sendable {
        package let method: Method
        /// Where others find us, if the gateway says so; 4 or 16 bytes.
        package let host: [UInt8]?
        package let ports: [MappedTransport: UInt16]

        package init(method: Method, host: [UInt8]?, ports: [MappedTransport: UInt16]) {
            self.method = method
            self.host = host
            self.ports = ports
        }
    }

    package enum Report: Equatable, Sendable {
        case mapped(Mapping)
        /// Nothing is mapped, and why: a method and its reason each. It is tried again later.
        case failed([String])
    }

    package enum Action: Equatable, Sendable {
        /// A packet to the port of PCP at the gateway.
        case send([UInt8])
        /// A packet to the multicast group of SSDP.
        case search([UInt8])
        case fetch(GatewayURL)
        case call(GatewayDescription.Service, GatewayAction)
        case report(Report)
    }

    private let request: Request
    private let clientHost: [UInt8]
    private let gatewayHost: [UInt8]
    private let limits: PortMappingLimits
    private var generator: any RandomNumberGenerator & Sendable

    private var gateway: GatewayMapping?
    private var upnp: UPnPMapping?
    private var reported: Report?
    private var failures = 0
    private var retry: Instant?
    private var isClosing = false
    private var actions: [Action] = []

    /// - Parameters:
    ///   - clientHost: our address towards the gateway: 4 or 16 bytes.
    ///   - gatewayHost: of the same family.
    ///   - generator: of what makes answers unguessable.
    package init(
        _ request: Request,
        clientHost: [UInt8],
        gatewayHost: [UInt8],
        limits: PortMappingLimits = PortMappingLimits(),
        generator: any RandomNumberGenerator & Sendable,
        now: Instant
    ) {
        self.request = request
        self.clientHost = clientHost
        self.gatewayHost = gatewayHost
        self.limits = limits
        self.generator = generator
        begin(now: now)
        advance(now: now)
    }

    private mutating func begin(now: Instant) {
        retry = nil
        var generator = generator
        gateway = GatewayMapping(
            request,
            clientHost: clientHost,
            limits: limits,
            using: &generator,
            now: now
        )
        if clientHost.count == 4 {
            upnp = UPnPMapping(
                request,
                clientHost: clientHost,
                gatewayHost: gatewayHost,
                limits: limits,
                using: &generator,
                now: now
            )
        }
        self.generator = generator
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        defer { actions = [] }
        return actions
    }

    package var nextDeadline: Instant? {
        [gateway?.nextDeadline, upnp?.nextDeadline, isClosing ? nil : retry]
            .compactMap(\.self).min()
    }

    /// Whether everything that was mapped is removed; after `close`.
    package var isClosed: Bool {
        isClosing && gateway?.isClosed != false && upnp?.isClosed != false
    }

    // MARK: Events

    /// A packet of the gateway, from its port of PCP.
    package mutating func received(_ bytes: [UInt8], now: Instant) {
        gateway?.received(bytes, now: now)
        advance(now: now)
    }

    /// Nothing listens at the gateway's port of PCP.
    package mutating func refused(now: Instant) {
        gateway?.refused()
        advance(now: now)
    }

    package mutating func searchAnswered(
        _ bytes: [UInt8],
        from sender: PeerAddress,
        now: Instant
    ) {
        upnp?.searchAnswered(bytes, from: sender)
        advance(now: now)
    }

    /// The end of a `fetch`.
    ///
    /// - Parameter description: `nil` if it could not be read.
    package mutating func described(_ description: GatewayDescription?, now: Instant) {
        upnp?.described(description, now: now)
        advance(now: now)
    }

    /// The end of a `call`.
    ///
    /// - Parameter answer: `nil` if there was none.
    package mutating func answered(_ answer: GatewayAnswer?, now: Instant) {
        upnp?.answered(answer, now: now)
        advance(now: now)
    }

    package mutating func timerFired(now: Instant) {
        gateway?.timerFired(now: now)
        upnp?.timerFired(now: now)
        if let due = retry, due <= now, !isClosing { begin(now: now) }
        advance(now: now)
    }

    /// Removes what is mapped; goes on until `isClosed`.
    package mutating func close(now: Instant) {
        isClosing = true
        gateway?.close(now: now)
        upnp?.close()
        advance(now: now)
    }

    // MARK: Decisions

    private mutating func advance(now: Instant) {
        if !isClosing { decide(now: now) }
        actions += (gateway?.takePackets() ?? []).map { .send($0) }
        actions += upnp?.takeActions() ?? []
    }

    private mutating func decide(now: Instant) {
        guard retry == nil, let gateway else { return }
        switch gateway.state {
        case .asking: return
        case .mapped(let method, let host, let ports):
            upnp = nil
            report(.mapped(Mapping(method: method, host: host, ports: ports)))
        case .failed(let reason):
            // A mapping that was lost: everything from the start, UPnP included.
            if case .mapped(let mapping)? = reported, mapping.method != .upnp {
                return restart(now: now)
            }
            decideByUPnP(gatewayReason: reason, now: now)
        }
    }

    private mutating func decideByUPnP(gatewayReason: String, now: Instant) {
        upnp?.allowMapping()
        let reasons = ["PCP\(clientHost.count == 4 ? " and NAT-PMP" : ""): \(gatewayReason)"]
        switch upnp?.state {
        case .asking: break
        case .mapped(let host, let ports):
            report(.mapped(Mapping(method: .upnp, host: host, ports: ports)))
        case .failed(let reason):
            if case .mapped? = reported { return restart(now: now) }
            fail(reasons + ["UPnP: \(reason)"], now: now)
        case nil: fail(reasons, now: now)
        }
    }

    private mutating func report(_ report: Report) {
        if case .mapped = report { failures = 0 }
        guard report != reported else { return }
        reported = report
        actions.append(.report(report))
    }

    private mutating func restart(now: Instant) {
        reported = nil
        begin(now: now)
        decide(now: now)
    }

    private mutating func fail(_ reasons: [String], now: Instant) {
        report(.failed(reasons))
        retry = now + min(limits.firstRetry * (1 << min(failures, 10)), limits.longestRetry)
        failures += 1
    }
}
