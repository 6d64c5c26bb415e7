import BitTorrentProtocol
import Logging
import NIOCore
import NIOPosix
import TorrentLogic

/// Finds peers on the local network (BEP 14): announces by multicast which torrents want peers, and
/// hears which other peers do. IPv4 only.
actor LocalDiscovery {
    private static let group = "239.192.152.143"
    private static let groupPort = 6771
    private static let interval = Duration.seconds(5 * 60)
    /// BEP 14: no torrent more often.
    private static let urgentInterval = Duration.seconds(60)
    private static let maximumInterfaceCount = 8

    private nonisolated let loop: any EventLoop
    private let listenHost: String
    private let addresses: AddressFilter
    private let logger: Logger
    private let cookie = String(UInt64.random(in: 0 ... .max), radix: 16)

    private var schedule = SearchSchedule(interval: interval, urgentInterval: urgentInterval)
    private var wishes: [InfoHash: Discovery.Found] = [:]
    private var tcpPort: UInt16 = 0
    /// One bound to the address of each interface, which is what makes a packet leave there.
    private var senders: [DatagramSocket] = []
    private var receiver: (any Channel)?
    private var timer: Scheduled<Void>?
    private var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    init(listenHost: String, addresses: AddressFilter, loop: any EventLoop, logger: Logger) {
        self.listenHost = listenHost
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
        let devices = interfaces()
        for device in devices {
            guard let host = device.address?.ipAddress else { continue }
            let socket = DatagramSocket(host: host, isIPv6: false, loop: loop) { _, _ in }
            guard (try? await socket.open().get()) != nil else { continue }
            senders.append(socket)
        }
        await listen(on: devices)
        guard !isStopped else { return closeSockets() }
        tcpPort = port
        announceAsNeeded()
    }

    private func interfaces() -> [NIONetworkDevice] {
        guard let wanted = ListenHosts(listenHost).ipv4.map({ BindPlace($0) }),
            let devices = try? System.enumerateDevices()
        else { return [] }
        let suitable = devices.filter { device in
            guard device.multicastSupported, let address = device.address,
                let host = PeerAddress(numericHost: address.ipAddress ?? "", port: 1)
            else { return false }
            return !host.isIPv6 && !host.isLoopback
                && (wanted.host == "0.0.0.0" || wanted.host == address.ipAddress)
                && (wanted.interface == nil || wanted.interface == device.name)
        }
        return Array(suitable.prefix(Self.maximumInterfaceCount))
    }

    private func listen(on devices: [NIONetworkDevice]) async {
        guard !senders.isEmpty else { return }
        do {
            let group = try SocketAddress(ipAddress: Self.group, port: Self.groupPort)
            let channel = try await DatagramBootstrap(group: loop)
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
                .bind(host: "0.0.0.0", port: Self.groupPort).get()
            receiver = channel
            for device in devices {
                try await (channel as? any MulticastChannel)?.joinGroup(group, device: device).get()
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
        for sender in senders { sender.close() }
        receiver?.close(promise: nil)
        receiver = nil
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
        let group = PeerAddress(numericHost: Self.group, port: UInt16(Self.groupPort))
        guard let group else { return }
        let announcement = LocalAnnouncement(
            host: "\(Self.group):\(Self.groupPort)",
            port: tcpPort,
            infoHashes: infoHashes,
            cookie: cookie
        )
        let bytes = announcement.encode()
        for sender in senders { sender.send(bytes, to: group) }
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
