import BitTorrentProtocol
import NIOCore
import NIOPosix

/// Makes connections through the proxy; there is no other way when it is down.
struct ProxyConnector: Sendable {
    let proxy: ProxyConfiguration
    /// Time for a connection to the proxy, and again for one from there.
    let timeout: Duration
    /// The only one that connections may use; `nil` for all.
    let interface: String?

    init(_ proxy: ProxyConfiguration, timeout: Duration, place: BindPlace) {
        self.proxy = proxy
        self.timeout = timeout
        interface = place.interface
    }

    /// - Returns: a connection that stands, on which nothing was said and which has no handlers yet;
    ///   completes on `loop`, or fails with a `ProxyError`.
    func connect(
        to destination: ProxyDestination,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let handshake = ProxyHandshake(
            proxy.language,
            to: destination,
            credentials: proxy.credentials
        )
        return begin(handshake, on: loop).map(\.channel)
    }

    /// Has datagrams relayed, which only a SOCKS5 proxy does, as long as the connection stands that
    /// comes back.
    ///
    /// - Returns: completes on `loop`, or fails with a `ProxyError`.
    func associate(on loop: any EventLoop) -> EventLoopFuture<DatagramRelay> {
        let handshake = SOCKS5Handshake(relayingFor: proxy.credentials)
        return begin(.socks5(handshake), on: loop).flatMapThrowing { established in
            let proxy = established.channel.remoteAddress.flatMap { PeerAddress($0) }
            guard case .socks5(let handshake) = established.handshake, let relay = handshake.relay,
                let address = PeerAddress(host: relay.host, port: relay.port)
            else { throw ProxyError.malformed }
            let own = proxy.flatMap { $0.withPort(relay.port) }
            return DatagramRelay(
                control: established.channel,
                address: address.isUnspecified ? own ?? address : address
            )
        }
    }

    private func begin(
        _ handshake: ProxyHandshake,
        on loop: any EventLoop
    ) -> EventLoopFuture<EstablishedProxy> {
        let (timeout, interface) = (TimeAmount(timeout), interface)
        return ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .peerChannelOptions()
            .channelInitializer { $0.use(interface: interface) }
            .connect(host: proxy.host, port: Int(proxy.port))
            .flatMapErrorThrowing { error in
                let failure = RemoteFailure(ofHTTP: error)
                if failure == .timedOut { throw ProxyError.timedOut }
                throw ProxyError.unreachable(failure.map { "\($0)" } ?? "\(error)")
            }
            // The future is complete before the channel is active.
            .flatMap { channel in
                channel.eventLoop.submit {
                    let handler = ProxyHandshakeHandler(
                        handshake,
                        timeout: timeout,
                        established: channel.eventLoop.makePromise()
                    )
                    try channel.pipeline.syncOperations.addHandler(handler)
                    return handler.established.futureResult
                }
            }
            .flatMap { $0 }
    }
}

/// Where a proxy takes datagrams from us, and what keeps it doing so.
struct DatagramRelay: Sendable {
    let control: any Channel
    let address: PeerAddress
}

/// A connection to the proxy on which nothing is left to be agreed.
private struct EstablishedProxy: Sendable {
    let channel: any Channel
    let handshake: ProxyHandshake
}

/// Performs a `ProxyHandshake` and leaves the pipeline.
private final class ProxyHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let established: EventLoopPromise<EstablishedProxy>
    private let timeout: TimeAmount
    private var handshake: ProxyHandshake
    private var received = ByteBuffer()
    private var timer: Scheduled<Void>?

    init(
        _ handshake: ProxyHandshake,
        timeout: TimeAmount,
        established: EventLoopPromise<EstablishedProxy>
    ) {
        self.handshake = handshake
        self.timeout = timeout
        self.established = established
    }

    /// - Precondition: the channel stands, or was closed meanwhile.
    func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else {
            return established.fail(ProxyError.unreachable("it hung up"))
        }
        let (channel, established) = (context.channel, established)
        timer = context.eventLoop.scheduleTask(in: timeout) {
            established.fail(ProxyError.timedOut)
            channel.close(promise: nil)
        }
        send(handshake.greeting, context: context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        do throws(ProxyError) {
            send(try handshake.received(&received), context: context)
        } catch {
            return fail(error, context: context)
        }
        guard handshake.isComplete else { return }
        // Whoever is at the other end has been asked nothing yet.
        guard received.readableBytes == 0 else { return fail(.malformed, context: context) }
        timer?.cancel()
        let established = established
        let result = EstablishedProxy(channel: context.channel, handshake: handshake)
        context.pipeline.syncOperations.removeHandler(self).whenComplete { _ in
            established.succeed(result)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.unreachable("it hung up"), context: context)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(.unreachable("\(error)"), context: context)
    }

    private func send(_ bytes: [UInt8], context: ChannelHandlerContext) {
        guard !bytes.isEmpty else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }

    private func fail(_ error: ProxyError, context: ChannelHandlerContext) {
        timer?.cancel()
        established.fail(error)
        context.close(promise: nil)
    }
}
