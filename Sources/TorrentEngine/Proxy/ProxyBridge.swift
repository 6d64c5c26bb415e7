import BitTorrentProtocol
import Logging
import NIOCore
import NIOPosix

/// An HTTP proxy of our own on the loopback interface, behind which is the configured one.
///
/// AsyncHTTPClient speaks with HTTP proxies, but gives no SOCKS proxy a password. Through the bridge
/// it makes its connections as peers are connected to, by the same code. Only who knows a password
/// that is new with every session is let through.
struct ProxyBridge: Sendable {
    /// Bytes of a request.
    fileprivate static let maximumRequestByteCount = 8192
    private static let host = "127.0.0.1"

    private let listener: EventLoopFuture<any Channel>
    let user: String
    let password: String

    init(_ connector: ProxyConnector, group: any EventLoopGroup, logger: Logger) {
        let user = "sluice"
        let password = (0..<4).map { _ in String(UInt64.random(in: 0 ... .max), radix: 36) }
            .joined()
        let authorization =
            ProxyCredentials(user: user, password: password)?.basicAuthorization ?? ""
        self.user = user
        self.password = password
        listener = ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        BridgeRequest(connector, authorization: authorization, logger: logger)
                    )
                }
            }
            .bind(host: Self.host, port: 0)
    }

    /// Where it listens, once it does.
    var address: EventLoopFuture<(host: String, port: Int)> {
        listener.map { (Self.host, $0.localAddress?.port ?? 0) }
    }

    func close() async {
        try? await listener.get().close()
    }
}

/// Reads a `CONNECT`, makes the connection and ties both together.
private final class BridgeRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connector: ProxyConnector
    private let authorization: String
    private let logger: Logger
    private var received = ByteBuffer()
    private var isConnecting = false

    init(_ connector: ProxyConnector, authorization: String, logger: Logger) {
        self.connector = connector
        self.authorization = authorization
        self.logger = logger
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        // Nobody speaks to the destination before it is connected.
        guard !isConnecting, received.readableBytes <= ProxyBridge.maximumRequestByteCount else {
            return context.close(promise: nil)
        }
        let text = String(buffer: received)
        guard text.hasSuffix("\r\n\r\n") else { return }
        let lines = text.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3, words[0] == "CONNECT",
            let destination = ProxyDestination(words[1]),
            lines.contains(where: { isAuthorized($0) })
        else { return refuse("403 Forbidden", context: context) }
        isConnecting = true
        let this = NIOLoopBound(self, eventLoop: context.eventLoop)
        let boundContext = NIOLoopBound(context, eventLoop: context.eventLoop)
        connector.connect(to: destination, on: context.eventLoop).whenComplete { result in
            this.value.finish(result, context: boundContext.value)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func isAuthorized(_ line: Substring) -> Bool {
        let parts = line.split(separator: ":", maxSplits: 1)
        return parts.count == 2 && parts[0].lowercased() == "proxy-authorization"
            && parts[1].drop { $0 == " " } == authorization
    }

    private func refuse(_ status: String, context: ChannelHandlerContext) {
        send("HTTP/1.1 \(status)\r\nContent-Length: 0\r\n\r\n", context: context)
        context.close(promise: nil)
    }

    private func send(_ text: String, context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
    }

    private func finish(
        _ result: Result<any Channel, any Error>,
        context: ChannelHandlerContext
    ) {
        switch result {
        case .failure(let error):
            logger.debug("no connection through the proxy: \(error)")
            guard context.channel.isActive else { return }
            refuse("502 Bad Gateway", context: context)
        case .success(let remote):
            guard context.channel.isActive else { return remote.close(promise: nil) }
            send("HTTP/1.1 200 OK\r\n\r\n", context: context)
            do {
                let (near, far) = ChannelTie.pair()
                try context.pipeline.syncOperations.addHandler(near)
                try remote.pipeline.syncOperations.addHandler(far)
            } catch {
                remote.close(promise: nil)
                return context.close(promise: nil)
            }
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
    }
}

/// Hands the bytes of one connection to another on the same event loop, no faster than that takes
/// them, and closes both together.
private final class ChannelTie: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var partner: ChannelTie?
    private var context: ChannelHandlerContext?
    private var hasHeldRead = false

    static func pair() -> (ChannelTie, ChannelTie) {
        let (first, second) = (ChannelTie(), ChannelTie())
        first.partner = second
        second.partner = first
        return (first, second)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        partner = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.context?.write(data, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.context?.flush()
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.context?.close(promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.resumeReading() }
    }

    func read(context: ChannelHandlerContext) {
        if partner?.context?.channel.isWritable ?? true {
            context.read()
        } else {
            hasHeldRead = true
        }
    }

    private func resumeReading() {
        guard hasHeldRead else { return }
        hasHeldRead = false
        context?.read()
    }
}
