import BitTorrentProtocol
import NIOCore
import NIOPosix

/// A UDP socket of one address family, for use on its event loop only.
///
/// NIO closes a datagram channel over an error that concerns one packet, such as a network that
/// cannot be reached. It is bound again when there is something to send, but not all the time.
final class DatagramSocket {
    typealias Receive = @Sendable ([UInt8], PeerAddress) -> Void

    private static let pause = TimeAmount.seconds(15)

    private let loop: any EventLoop
    private let place: BindPlace
    private let isIPv6: Bool
    private let receive: Receive
    private var wantedPort: Int
    private var channel: (any Channel)?
    private var notBefore = NIODeadline.uptimeNanoseconds(0)
    private var isClosed = false

    /// - Parameters:
    ///   - host: an address, and perhaps an interface (`BindPlace`).
    ///   - port: 0 takes any that is free.
    ///   - receive: called on the loop.
    init(
        host: String,
        isIPv6: Bool,
        port: UInt16 = 0,
        loop: any EventLoop,
        receive: @escaping Receive
    ) {
        place = BindPlace(host)
        self.isIPv6 = isIPv6
        wantedPort = Int(port)
        self.loop = loop
        self.receive = receive
    }

    var isOpen: Bool { channel != nil }

    var port: UInt16? { channel?.localAddress?.port.flatMap { UInt16(exactly: $0) } }

    /// Binds the socket; succeeds at once if it is bound.
    func open() -> EventLoopFuture<Void> {
        loop.preconditionInEventLoop()
        if isOpen { return loop.makeSucceededVoidFuture() }
        notBefore = .now() + Self.pause
        let (receive, interface) = (receive, place.interface)
        var bootstrap = DatagramBootstrap(group: loop)
            .channelInitializer { channel in
                channel.use(interface: interface).flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(Receiver(receive))
                }
            }
        if isIPv6 {
            let option = ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only)
            bootstrap = bootstrap.channelOption(option, value: 1)
        }
        let this = NIOLoopBound(self, eventLoop: loop)
        return bootstrap.bind(host: place.host, port: wantedPort).map { this.value.opened($0) }
    }

    private func opened(_ channel: any Channel) {
        guard !isClosed, !isOpen else { return channel.close(promise: nil) }
        self.channel = channel
        // The next time the same port, which others know by then.
        wantedPort = channel.localAddress?.port ?? wantedPort
        let this = NIOLoopBound(self, eventLoop: loop)
        channel.closeFuture.whenComplete { _ in this.value.channel = nil }
    }

    /// A packet that cannot be sent is lost, as any packet may be.
    func send(_ bytes: [UInt8], to address: PeerAddress) {
        loop.preconditionInEventLoop()
        guard let channel else {
            if !isClosed, notBefore <= .now() { _ = open() }
            return
        }
        guard let remote = try? address.socketAddress else { return }
        let packet = AddressedEnvelope(remoteAddress: remote, data: ByteBuffer(bytes: bytes))
        channel.writeAndFlush(packet, promise: nil)
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

    init(_ receive: @escaping DatagramSocket.Receive) { self.receive = receive }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let packet = unwrapInboundIn(data)
        guard let address = PeerAddress(packet.remoteAddress) else { return }
        receive(Array(packet.data.readableBytesView), address)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
