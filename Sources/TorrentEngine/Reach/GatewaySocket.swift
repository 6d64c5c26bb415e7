import BitTorrentProtocol
// For the codes of errors.
import Glibc
import NIOCore
import NIOPosix

/// A UDP socket that is connected to a gateway, for use on its event loop only: the kernel lets
/// nothing through that the gateway did not send.
final class GatewaySocket {
    typealias Receive = @Sendable ([UInt8]) -> Void

    private let remote: SocketAddress
    private let place: BindPlace
    private let loop: any EventLoop
    private let receive: Receive
    private let refused: @Sendable () -> Void
    private var channel: (any Channel)?
    private var isClosed = false

    /// - Parameters:
    ///   - place: where it sends from.
    ///   - refused: nothing listens there.
    init(
        to remote: SocketAddress,
        from place: BindPlace,
        loop: any EventLoop,
        receive: @escaping Receive,
        refused: @escaping @Sendable () -> Void
    ) {
        self.remote = remote
        self.place = place
        self.loop = loop
        self.receive = receive
        self.refused = refused
    }

    /// The port of a gateway; one whose address means something on one link alone needs that link.
    static func address(of gateway: DefaultGateway, port: UInt16) throws -> SocketAddress {
        guard let address = PeerAddress(host: gateway.host, port: port), address.isIPv6,
            address.isLinkLocal
        else {
            return try SocketAddress(
                packedIPAddress: ByteBuffer(bytes: gateway.host),
                port: Int(port)
            )
        }
        // A number as well: no name server is asked.
        return try .makeAddressResolvingHost(
            "\(address.hostText)%\(gateway.interface)",
            port: Int(port)
        )
    }

    /// Which of our addresses is the source of packets to `remote`; none is sent.
    static func localHost(
        towards remote: SocketAddress,
        by interface: String?,
        on loop: any EventLoop
    ) -> EventLoopFuture<String?> {
        DatagramBootstrap(group: loop)
            .channelInitializer { $0.use(interface: interface) }
            .connect(to: remote)
            .flatMap { channel in
                let host = channel.localAddress?.ipAddress
                return channel.close().map { host }
            }
    }

    private func open() -> EventLoopFuture<any Channel> {
        if let channel { return loop.makeSucceededFuture(channel) }
        let (remote, receive, refused) = (remote, receive, refused)
        let interface = place.interface
        let this = NIOLoopBound(self, eventLoop: loop)
        return DatagramBootstrap(group: loop)
            .channelInitializer { channel in
                channel.use(interface: interface).flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(
                        GatewayReader(receive: receive, refused: refused)
                    )
                }
            }
            .bind(host: place.host, port: 0)
            .flatMap { channel in channel.connect(to: remote).map { channel } }
            .map { channel in
                this.value.opened(channel)
                return channel
            }
    }

    private func opened(_ channel: any Channel) {
        guard !isClosed, self.channel == nil else { return channel.close(promise: nil) }
        self.channel = channel
        let this = NIOLoopBound(self, eventLoop: loop)
        channel.closeFuture.whenComplete { _ in this.value.channel = nil }
    }

    /// A packet that cannot be sent is lost, as any packet may be.
    func send(_ bytes: [UInt8]) {
        guard !isClosed else { return }
        let (remote, refused) = (remote, refused)
        let packet = AddressedEnvelope(remoteAddress: remote, data: ByteBuffer(bytes: bytes))
        // What came of the packet before may be told with this one.
        open().flatMap { $0.writeAndFlush(packet) }.whenFailure { error in
            if (error as? IOError)?.errnoCode == ECONNREFUSED { refused() }
        }
    }

    func close() {
        isClosed = true
        channel?.close(promise: nil)
    }
}

private final class GatewayReader: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>

    private let receive: GatewaySocket.Receive
    private let refused: @Sendable () -> Void

    init(receive: @escaping GatewaySocket.Receive, refused: @escaping @Sendable () -> Void) {
        self.receive = receive
        self.refused = refused
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(Array(unwrapInboundIn(data).data.readableBytesView))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if (error as? IOError)?.errnoCode == ECONNREFUSED { refused() }
        context.close(promise: nil)
    }
}
