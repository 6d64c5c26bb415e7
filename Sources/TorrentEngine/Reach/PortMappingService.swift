import BitTorrentProtocol
import Logging
import NIOCore
import NIOPosix
import TorrentLogic

/// Makes the gateways of this machine let connections in to our port: performs what `PortMapping`
/// decides, for each address family, on one event loop.
actor PortMappingService {
    /// What there is of a family whose gateway is known.
    private struct Family {
        let gateway: DefaultGateway
        let clientHost: [UInt8]
        let socket: GatewaySocket
        /// IPv4 alone.
        let search: DatagramSocket?
        var mapping: PortMapping
    }

    /// How often it is looked whether the gateway is still the same.
    private static let lookInterval = TimeAmount.seconds(60)
    private static let closingInterval = Duration.milliseconds(20)
    /// An address that every IPv6 gateway leads to; nothing is sent there (RFC 3849).
    private static let farIPv6Host = "2001:db8::1"

    private nonisolated let loop: any EventLoop
    private let hosts: ListenHosts
    private let own: OwnAddresses
    private let client: GatewayClient
    private let listenPort: ListenPort
    private let logger: Logger
    private let discovery: Discovery

    private var families: [Bool: Family] = [:]
    private var timer: Scheduled<Void>?
    private var looking: RepeatedTask?
    private var hasReportedNoGateway = false
    private var isLooking = false
    private var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    /// - Parameter resources: their port, their filter of addresses and their DHT node are told
    ///   where others reach us.
    init(group: any EventLoopGroup, resources: SessionResources) {
        loop = group.next()
        hosts = ListenHosts(resources.configuration.listenHost)
        client = GatewayClient(group: group)
        listenPort = resources.listenPort
        own = resources.addresses.own
        logger = resources.logger
        discovery = resources.discovery
    }

    // MARK: Life

    /// Begins to ask; goes on until `shutdown`.
    func start() {
        guard !isStopped, looking == nil else { return }
        looking = loop.scheduleRepeatedTask(initialDelay: .zero, delay: Self.lookInterval) {
            [weak self] _ in
            self?.assumeIsolated { $0.look() }
        }
    }

    /// Removes what is mapped.
    ///
    /// - Parameter timeout: after which a gateway that does not answer is left alone.
    func shutdown(within timeout: Duration) async {
        isStopped = true
        looking?.cancel()
        let deadline = ContinuousClock.now + timeout
        for isIPv6 in families.keys {
            families[isIPv6]?.mapping.close(now: .now)
            performActions(isIPv6)
        }
        while families.values.contains(where: { !$0.mapping.isClosed }), .now < deadline {
            try? await Task.sleep(for: Self.closingInterval)
        }
        timer?.cancel()
        for family in families.values { close(family) }
        families = [:]
        await client.shutdown()
    }

    private func close(_ family: Family) {
        family.socket.close()
        family.search?.close()
    }

    // MARK: Gateways

    /// Takes up the gateways that there are, and those that have changed.
    private func look() {
        guard !isLooking, !isStopped else { return }
        isLooking = true
        Task {
            for isIPv6 in [false, true] { await look(isIPv6) }
            isLooking = false
        }
    }

    private func look(_ isIPv6: Bool) async {
        guard let place = hosts[isIPv6: isIPv6].map({ BindPlace($0) }),
            PeerAddress(numericHost: place.host, port: 1)?.isLoopback == false
        else { return }
        let gateway = DefaultGateway.current(isIPv6: isIPv6, interface: place.interface)
        if let family = families[isIPv6], family.gateway == gateway { return }
        let clientHost = await clientHost(gateway, listeningOn: place, isIPv6: isIPv6)
        guard !isStopped else { return }
        if let family = families.removeValue(forKey: isIPv6) {
            close(family)
            publish(nil, isIPv6: isIPv6)
        }
        guard let gateway, let clientHost else {
            if !isIPv6, !hasReportedNoGateway {
                hasReportedNoGateway = true
                logger.info("no port is mapped: there is no default route over IPv4")
            }
            return
        }
        // A public IPv4 address needs no mapping; an IPv6 one may need an open door.
        guard isIPv6 || clientHost.isPrivate || clientHost.isLinkLocal else {
            logger.info("no port is mapped: \(clientHost.hostText) is a public address")
            return
        }
        take(gateway, from: clientHost, by: place.interface, isIPv6: isIPv6)
    }

    /// - Returns: our address towards the gateway, which it is asked to send to.
    private func clientHost(
        _ gateway: DefaultGateway?,
        listeningOn place: BindPlace,
        isIPv6: Bool
    ) async -> PeerAddress? {
        guard let gateway else { return nil }
        if let host = PeerAddress(numericHost: place.host, port: 1), !host.isUnspecified {
            return host
        }
        let port = Int(portMappingGatewayPort)
        let remote =
            isIPv6
            ? try? SocketAddress(ipAddress: Self.farIPv6Host, port: port)
            : try? GatewaySocket.address(of: gateway, port: portMappingGatewayPort)
        guard let remote else { return nil }
        let found = try? await GatewaySocket.localHost(
            towards: remote,
            by: place.interface,
            on: loop
        ).get()
        guard let found, let host = PeerAddress(numericHost: found, port: 1) else { return nil }
        // From a link nobody comes in through a gateway.
        return isIPv6 && (host.isLinkLocal || host.isLoopback) ? nil : host
    }

    private func take(
        _ gateway: DefaultGateway,
        from client: PeerAddress,
        by interface: String?,
        isIPv6: Bool
    ) {
        guard
            let remote = try? GatewaySocket.address(of: gateway, port: portMappingGatewayPort)
        else { return }
        let place = BindPlace(host: client.hostText, interface: interface)
        let socket = GatewaySocket(
            to: remote,
            from: place,
            loop: loop
        ) { [weak self] bytes in
            self?.assumeIsolated { $0.tell(isIPv6) { $0.received(bytes, now: .now) } }
        } refused: { [weak self] in
            self?.assumeIsolated { $0.tell(isIPv6) { $0.refused(now: .now) } }
        }
        families[isIPv6] = Family(
            gateway: gateway,
            clientHost: client.host,
            socket: socket,
            search: isIPv6 ? nil : makeSearch(from: place),
            mapping: PortMapping(
                PortMapping.Request(port: listenPort.value),
                clientHost: client.host,
                gatewayHost: gateway.host,
                generator: SystemRandomNumberGenerator(),
                now: .now
            )
        )
        performActions(isIPv6)
    }

    /// One bound to our address, which is what makes a packet to a group leave there.
    private func makeSearch(from place: BindPlace) -> DatagramSocket {
        DatagramSocket(host: place.description, isIPv6: false, loop: loop) {
            [weak self] bytes, sender in
            self?.assumeIsolated {
                $0.tell(false) { $0.searchAnswered(bytes, from: sender, now: .now) }
            }
        }
    }

    // MARK: Turns

    private func tell(_ isIPv6: Bool, _ event: (inout PortMapping) -> Void) {
        guard var family = families[isIPv6] else { return }
        event(&family.mapping)
        families[isIPv6] = family
        performActions(isIPv6)
    }

    private func performActions(_ isIPv6: Bool) {
        for action in families[isIPv6]?.mapping.takeActions() ?? [] { perform(action, isIPv6) }
        setTimer()
    }

    private func perform(_ action: PortMapping.Action, _ isIPv6: Bool) {
        guard let family = families[isIPv6] else { return }
        switch action {
        case .send(let bytes): family.socket.send(bytes)
        case .search(let bytes):
            guard let search = family.search,
                let group = PeerAddress(numericHost: SSDPSearch.group, port: SSDPSearch.port)
            else { return }
            let bound = NIOLoopBound(search, eventLoop: loop)
            search.open().whenSuccess { bound.value.send(bytes, to: group) }
        case .fetch(let url):
            Task {
                let description = await client.description(at: url)
                tell(isIPv6) { $0.described(description, now: .now) }
            }
        case .call(let service, let action):
            Task {
                let answer = await client.answer(of: service, to: action)
                tell(isIPv6) { $0.answered(answer, now: .now) }
            }
        case .report(let report): take(report, of: family, isIPv6: isIPv6)
        }
    }

    private func setTimer() {
        timer?.cancel()
        let deadline = families.values.compactMap(\.mapping.nextDeadline).min()
        guard let deadline else { return }
        let delay = max(.zero, ContinuousClock.now.duration(to: deadline))
        timer = loop.scheduleTask(in: TimeAmount(delay)) { [weak self] in
            self?.assumeIsolated { service in
                for isIPv6 in [false, true] {
                    service.tell(isIPv6) { $0.timerFired(now: .now) }
                }
            }
        }
    }

    // MARK: Results

    private func take(_ report: PortMapping.Report, of family: Family, isIPv6: Bool) {
        let notice = PortMappingNotice(
            port: listenPort.value,
            gateway: family.gateway,
            clientHost: family.clientHost
        )
        switch report {
        case .mapped(let mapping):
            publish(mapping, isIPv6: isIPv6)
            logger.notice("\(notice.text(mapping))")
        case .failed(let reasons):
            publish(nil, isIPv6: isIPv6)
            // Most IPv6 gateways let nothing be opened; those of IPv4 matter more.
            logger.log(level: isIPv6 ? .info : .notice, "\(notice.text(reasons))")
        }
    }

    private func publish(_ mapping: PortMapping.Mapping?, isIPv6: Bool) {
        let port = mapping?.ports[.tcp] ?? 0
        own.set(mapping?.host.flatMap { PeerAddress(host: $0, port: port) }, isIPv6: isIPv6)
        // Trackers are told one port; behind an IPv6 gateway it stays the same.
        guard !isIPv6, listenPort.mapped != port else { return }
        listenPort.mapped = port
        let announced = listenPort.announced
        discovery.dht?.run { $0.use(port: announced) }
    }
}
