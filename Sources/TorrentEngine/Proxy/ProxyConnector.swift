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
        let (timeout, interface) = (TimeAmount(timeout), interface)
        return ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .peerChannelOptions()
            .channelInitializer { $0.use(interface: interface) }
            .connect(host: proxy.host, port: Int(proxy.port))
            .flatMapErrorThrowing { error in
                let failure = RemoteFailure(ofHTTP: error)
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

/// Performs a `ProxyHandshake` and leaves the pipeline.
private final class ProxyHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let established: EventLoopPromise<any Channel>
    private let timeout: TimeAmount
    private var handshake: ProxyHandshake
    private var received = ByteBuffer()
    private var timer: Scheduled<Void>?

    init(
        _ handshake: ProxyHandshake,
        timeout: TimeAmount,
        established: EventLoopPromise<any Channel>
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
        let (channel, established) = (context.channel, established)
        context.pipeline.syncOperations.removeHandler(self).whenComplete { _ in
            established.succeed(channel)
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
