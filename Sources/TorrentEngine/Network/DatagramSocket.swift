import BitTorrentProtocol
// For the options that concern fragments.
import Glibc
import NIOCore
import NIOPosix

/// A UDP socket of one address family, for use on its event loop only.
///
/// NIO closes a datagram channel over an error that concerns one packet, such as a network that
/// cannot be reached. It is bound again when there is something to send, but not all the time.
///
/// With a proxy every packet goes through its relay (RFC 1928), and what comes from elsewhere is
/// dropped. The relay is asked for again when it has ended, and not if it was refused.
final class DatagramSocket {
    typealias Receive = @Sendable (ByteBuffer, PeerAddress) -> Void

    /// Datagrams taken from the socket at once; of those that are longer the end is lost.
    private static let burst = 32
    private static let maximumByteCount = 2048
    private static let pause = TimeAmount.seconds(15)

    private let loop: any EventLoop
    private let place: BindPlace
    private let isIPv6: Bool
    private let receive: Receive
    private let burstEnded: @Sendable () -> Void
    private let connector: ProxyConnector?
    private var relay: DatagramRelay?
    /// Why the proxy relays nothing, for good.
    private(set) var refusal: ProxyError?
    private var wantedPort: Int
    private var channel: (any Channel)?
    private var notBefore = NIODeadline.uptimeNanoseconds(0)
    private var isClosed = false

    /// - Parameters:
    ///   - host: an address, and perhaps an interface (`BindPlace`).
    ///   - port: 0 takes any that is free.
    ///   - connector: to the proxy; `nil` for none.
    ///   - receive: called on the loop.
    ///   - burstEnded: called on the loop, after what could be read at once was received.
    init(
        host: String,
        isIPv6: Bool,
        port: UInt16 = 0,
        connector: ProxyConnector? = nil,
        loop: any EventLoop,
        receive: @escaping Receive,
        burstEnded: @escaping @Sendable () -> Void = {}
    ) {
        place = BindPlace(host)
        self.isIPv6 = isIPv6
        wantedPort = Int(port)
        self.connector = connector
        self.loop = loop
        self.receive = receive
        self.burstEnded = burstEnded
    }

    var isOpen: Bool { channel != nil }

    var port: UInt16? { channel?.localAddress?.port.flatMap { UInt16(exactly: $0) } }

    /// Binds the socket; succeeds at once if it is bound.
    func open() -> EventLoopFuture<Void> {
        loop.preconditionInEventLoop()
        if isOpen { return loop.makeSucceededVoidFuture() }
        if let refusal { return loop.makeFailedFuture(refusal) }
        notBefore = .now() + Self.pause
        let this = NIOLoopBound(self, eventLoop: loop)
        var take = receive
        if connector != nil { take = { this.value.relayed($0, from: $1) } }
        let (receive, burstEnded) = (take, burstEnded)
        let interface = place.interface
        var bootstrap = DatagramBootstrap(group: loop)
            .channelOption(.datagramVectorReadMessageCount, value: Self.burst)
            .channelOption(
                .recvAllocator,
                value: FixedSizeRecvByteBufferAllocator(
                    capacity: Self.burst * Self.maximumByteCount
                )
            )
            .channelInitializer { channel in
                channel.use(interface: interface).flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(
                        Receiver(receive, burstEnded)
                    )
                }
            }
        bootstrap = bootstrap.channelOption(fragmentation, value: .init(IP_PMTUDISC_DONT))
        if isIPv6 {
            let option = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
            bootstrap = bootstrap.channelOption(option, value: 1)
        }
        // As an address: a name look-up of "::" fails on a host that has no address of IPv6.
        do {
            let address = try SocketAddress(ipAddress: place.host, port: wantedPort)
            let bound = bootstrap.bind(to: address)
            guard let connector else { return bound.map { this.value.opened($0) } }
            return connector.associate(on: loop).flatMap { relay in
                bound.flatMapThrowing { try this.value.opened($0, relayedBy: relay) }
                    .flatMapErrorThrowing { error in
                        relay.control.close(promise: nil)
                        throw error
                    }
            }.flatMapErrorThrowing { error in
                bound.whenSuccess { $0.close(promise: nil) }
                this.value.noteRefusal(error)
                throw error
            }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }

    private func opened(_ channel: any Channel) {
        guard !isClosed, !isOpen else { return channel.close(promise: nil) }
        self.channel = channel
        // The next time the same port, which others know by then.
        wantedPort = channel.localAddress?.port ?? wantedPort
        let this = NIOLoopBound(self, eventLoop: loop)
        channel.closeFuture.whenComplete { _ in this.value.channel = nil }
    }

    private func opened(_ channel: any Channel, relayedBy relay: DatagramRelay) throws {
        guard relay.address.isIPv6 == isIPv6 else { throw ProxyError.malformed }
        self.relay = relay
        opened(channel)
        relay.control.closeFuture.whenComplete { _ in channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in relay.control.close(promise: nil) }
    }

    /// One that is down may be up the next time.
    private func noteRefusal(_ error: any Error) {
        switch error as? ProxyError {
        case .malformed, .refused, .wantsCredentials, .wrongCredentials:
            refusal = error as? ProxyError
        case .unreachable, .timedOut, nil: break
        }
    }

    private func relayed(_ bytes: ByteBuffer, from address: PeerAddress) {
        var bytes = bytes
        guard address == relay?.address, let source = SOCKS5Datagram.source(consuming: &bytes)
        else { return }
        receive(bytes, source)
    }

    /// As `send`, to what a proxy may have to look up; without a proxy only to an address.
    func send(_ bytes: [UInt8], to destination: ProxyDestination) {
        if case .address(let host) = destination.host {
            guard let address = PeerAddress(host: host, port: destination.port) else { return }
            return send(bytes, to: address)
        }
        guard connector != nil else { return }
        write(ByteBuffer(bytes: bytes), relayedTo: destination)
        flush()
    }

    private func write(_ bytes: ByteBuffer, relayedTo destination: ProxyDestination) {
        guard let channel, let relay, let remote = try? relay.address.socketAddress else {
            if channel == nil, !isClosed, notBefore <= .now() { _ = open() }
            return
        }
        var datagram = ByteBuffer(bytes: SOCKS5Datagram.header(to: destination))
        datagram.writeImmutableBuffer(bytes)
        channel.write(AddressedEnvelope(remoteAddress: remote, data: datagram), promise: nil)
    }

    /// A packet that cannot be sent is lost, as any packet may be.
    func send(_ bytes: [UInt8], to address: PeerAddress) {
        guard let remote = try? address.socketAddress else { return }
        write(ByteBuffer(bytes: bytes), to: remote)
        flush()
    }

    /// As `send`, but the packet leaves with others at the next `flush`.
    func write(_ bytes: ByteBuffer, to remote: SocketAddress) {
        loop.preconditionInEventLoop()
        if connector != nil {
            guard let address = PeerAddress(remote) else { return }
            return write(bytes, relayedTo: ProxyDestination(address))
        }
        guard let channel else {
            if !isClosed, notBefore <= .now() { _ = open() }
            return
        }
        channel.write(AddressedEnvelope(remoteAddress: remote, data: bytes), promise: nil)
    }

    func flush() { channel?.flush() }

    /// As `send`, but nobody on the way may cut the packet into fragments.
    func sendWhole(_ bytes: ByteBuffer, to remote: SocketAddress) {
        flush()
        setFragmentation(IP_PMTUDISC_PROBE)
        write(bytes, to: remote)
        flush()
        setFragmentation(IP_PMTUDISC_DONT)
    }

    private func setFragmentation(_ value: CInt) {
        try? channel?.syncOptions?.setOption(fragmentation, value: .init(value))
    }

    /// What to do about packets that are too large for the path.
    private var fragmentation: ChannelOptions.Types.SocketOption {
        isIPv6
            ? .init(level: .ipv6, name: .init(rawValue: IPV6_MTU_DISCOVER))
            : .init(level: .ip, name: .init(rawValue: IP_MTU_DISCOVER))
    }

    func close() {
        loop.preconditionInEventLoop()
        isClosed = true
        channel?.close(promise: nil)
    }
}

private final class Receiver: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let receive: DatagramSocket.Receive
    private let burstEnded: @Sendable () -> Void

    init(
        _ receive: @escaping DatagramSocket.Receive,
        _ burstEnded: @escaping @Sendable () -> Void
    ) {
        self.receive = receive
        self.burstEnded = burstEnded
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let packet = unwrapInboundIn(data)
        guard let address = PeerAddress(packet.remoteAddress) else { return }
        receive(packet.data, address)
    }

    func channelReadComplete(context: ChannelHandlerContext) { burstEnded() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
