import BitTorrentProtocol
import Logging
import NIOCore
import NIOPosix
import TorrentLogic

/// Finds peers on the local network (BEP 14): announces by multicast which torrents want peers, and
/// hears which other peers do. It takes part in the group of each address family on every interface
/// that has an address of it.
actor LocalDiscovery {
    /// An interface with an address that other hosts can reach.
    private struct Interface {
        let device: NIONetworkDevice
        let address: PeerAddress

        /// Where a socket is bound so that its packets leave there.
        var place: BindPlace {
            // Of IPv6 the address alone does not choose the way of a multicast packet.
            BindPlace(host: address.hostText, interface: address.isIPv6 ? device.name : nil)
        }
    }

    private static let interval = Duration.seconds(5 * 60)
    /// BEP 14: no torrent more often.
    private static let urgentInterval = Duration.seconds(60)
    private static let maximumInterfaceCount = 8

    private nonisolated let loop: any EventLoop
    private let hosts: ListenHosts
    private let addresses: AddressFilter
    private let logger: Logger
    private let cookie = String(UInt64.random(in: 0 ... .max), radix: 16)

    private var schedule = SearchSchedule(interval: interval, urgentInterval: urgentInterval)
    private var wishes: [InfoHash: Discovery.Found] = [:]
    private var tcpPort: UInt16 = 0
    /// One bound to the address of each interface, which is what makes a packet leave there.
    private var senders: [(socket: DatagramSocket, isIPv6: Bool)] = []
    private var receivers: [any Channel] = []
    private var timer: Scheduled<Void>?
    private var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    init(listenHost: String, addresses: AddressFilter, loop: any EventLoop, logger: Logger) {
        hosts = ListenHosts(listenHost)
        self.addresses = addresses
        self.loop = loop
        self.logger = logger
    }

    /// Runs `body` on the loop, soon.
    nonisolated func run(_ body: @escaping @Sendable (isolated LocalDiscovery) -> Void) {
        loop.execute { self.assumeIsolated(body) }
    }

    // MARK: Life

    /// Takes part on every interface that peers may come in by; without any it does nothing.
    ///
    /// - Parameter port: TCP port on which peers find us.
    func start(port: UInt16) async {
        for isIPv6 in [false, true] {
            let interfaces = interfaces(isIPv6: isIPv6)
            for interface in interfaces {
                let socket = DatagramSocket(
                    host: "\(interface.place)",
                    isIPv6: isIPv6,
                    loop: loop
                ) { _, _ in }
                guard (try? await socket.open().get()) != nil else { continue }
                senders.append((socket, isIPv6))
            }
            await listen(on: interfaces, isIPv6: isIPv6)
        }
        guard !isStopped else { return closeSockets() }
        tcpPort = port
        announceAsNeeded()
    }

    /// The interfaces of a family that peers may come in by, each once.
    private func interfaces(isIPv6: Bool) -> [Interface] {
        guard let wanted = hosts[isIPv6: isIPv6].map({ BindPlace($0) }),
            let devices = try? System.enumerateDevices()
        else { return [] }
        var suitable: [String: Interface] = [:]
        for device in devices where device.multicastSupported && suitable[device.name] == nil {
            // One of the link alone would need its interface named to reach us.
            guard
                let address = device.address?.ipAddress.flatMap({
                    PeerAddress(numericHost: $0, port: 1)
                }),
                address.isIPv6 == isIPv6, !address.isLoopback, !address.isLinkLocal,
                wanted.host == "0.0.0.0" || wanted.host == "::"
                    || PeerAddress(numericHost: wanted.host, port: 1) == address,
                wanted.interface == nil || wanted.interface == device.name
            else { continue }
            suitable[device.name] = Interface(device: device, address: address)
        }
        let ordered = suitable.sorted { $0.key < $1.key }.map(\.value)
        return Array(ordered.prefix(Self.maximumInterfaceCount))
    }

    private func listen(on interfaces: [Interface], isIPv6: Bool) async {
        guard !interfaces.isEmpty, let group = LocalAnnouncement.group(isIPv6: isIPv6) else {
            return
        }
        do {
            var bootstrap = DatagramBootstrap(group: loop)
                .channelOption(.socketOption(.so_reuseaddr), value: 1)
                .channelInitializer { [weak self] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            AnnouncementReader { bytes, address in
                                self?.assumeIsolated { $0.received(bytes, from: address) }
                            }
                        )
                    }
                }
            if isIPv6 {
                let option = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
                bootstrap = bootstrap.channelOption(option, value: 1)
            }
            let everyHost = try SocketAddress(
                ipAddress: isIPv6 ? "::" : "0.0.0.0",
                port: Int(group.port)
            )
            let channel = try await bootstrap.bind(to: everyHost).get()
            receivers.append(channel)
            for interface in interfaces {
                try await (channel as? any MulticastChannel)?
                    .joinGroup(try group.socketAddress, device: interface.device).get()
            }
        } catch {
            logger.info("peers on the local network are not heard: \(error)")
        }
    }

    func shutdown() {
        isStopped = true
        closeSockets()
        wishes = [:]
    }

    private func closeSockets() {
        timer?.cancel()
        for sender in senders { sender.socket.close() }
        for receiver in receivers { receiver.close(promise: nil) }
        receivers = []
    }

    // MARK: Announcing

    func want(_ infoHash: InfoHash, _ need: Discovery.Need, found: @escaping Discovery.Found) {
        wishes[infoHash] = found
        schedule.want(infoHash, isUrgent: need.isUrgent)
        announceAsNeeded()
    }

    func drop(_ infoHash: InfoHash) {
        wishes[infoHash] = nil
        schedule.drop(infoHash, now: .now)
        announceAsNeeded()
    }

    private func announceAsNeeded() {
        guard !isStopped, tcpPort != 0, !senders.isEmpty else { return }
        timer?.cancel()
        let now = ContinuousClock.now
        var due = schedule.takeDue(now: now)[...]
        while !due.isEmpty {
            announce(Array(due.prefix(LocalAnnouncement.maximumTorrentCount)))
            due = due.dropFirst(LocalAnnouncement.maximumTorrentCount)
        }
        guard let deadline = schedule.nextDeadline else { return }
        timer = loop.scheduleTask(in: TimeAmount(max(.zero, now.duration(to: deadline)))) {
            [weak self] in
            self?.assumeIsolated { $0.announceAsNeeded() }
        }
    }

    private func announce(_ infoHashes: [InfoHash]) {
        for isIPv6 in [false, true] {
            guard let group = LocalAnnouncement.group(isIPv6: isIPv6) else { continue }
            let announcement = LocalAnnouncement(
                host: "\(group)",
                port: tcpPort,
                infoHashes: infoHashes,
                cookie: cookie
            )
            let bytes = announcement.encode()
            for sender in senders where sender.isIPv6 == isIPv6 {
                sender.socket.send(bytes, to: group)
            }
        }
    }

    // MARK: Hearing

    private func received(_ bytes: [UInt8], from address: PeerAddress) {
        guard !isStopped, let announcement = LocalAnnouncement(decoding: bytes),
            announcement.cookie != cookie, let peer = address.withPort(announcement.port),
            addresses.allows(peer)
        else { return }
        for infoHash in announcement.infoHashes { wishes[infoHash]?([peer]) }
    }
}

private final class AnnouncementReader: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let receive: ([UInt8], PeerAddress) -> Void

    init(_ receive: @escaping ([UInt8], PeerAddress) -> Void) { self.receive = receive }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let packet = unwrapInboundIn(data)
        guard let address = PeerAddress(packet.remoteAddress) else { return }
        receive(Array(packet.data.readableBytesView), address)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
