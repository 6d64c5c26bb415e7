import NIOCore
import NIOPosix

/// An HTTP tracker on loopback that answers as a test says.
final class ScriptedTracker: Sendable {
    /// When it ends a connection.
    enum HangUp: Sendable {
        case never
        case afterAnswer
        /// One request is answered on each connection, and the next is not.
        case insteadOfSecondAnswer
    }

    /// The request lines that arrived; they end with `close`.
    let requests: AsyncStream<String>
    let url: String
    private let channel: any Channel

    /// - Parameter answer: the whole response to a request line; `nil` to leave it waiting.
    init(
        hangsUp: HangUp = .afterAnswer,
        answer: @escaping @Sendable (String) -> String?
    ) async throws {
        let (requests, continuation) = AsyncStream<String>.makeStream()
        channel = try await ServerBootstrap(group: Node.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Answerer(hangsUp: hangsUp) {
                            continuation.yield($0)
                            return answer($0)
                        }
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        channel.closeFuture.whenComplete { _ in continuation.finish() }
        self.requests = requests
        url = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)/announce"
    }

    func close() async throws { try await channel.close() }

    static func response(_ body: [UInt8], status: String = "200 OK") -> String {
        // Bytes above 0x7f would not survive in a string; the tests have none.
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.count)\r\nConnection: close\r\n\r\n"
            + String(decoding: body, as: UTF8.self)
    }
}

private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let hangsUp: ScriptedTracker.HangUp
    private let answer: (String) -> String?
    private var received = ""
    private var hasAnswered = false

    init(hangsUp: ScriptedTracker.HangUp, answer: @escaping (String) -> String?) {
        self.hangsUp = hangsUp
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard received.hasSuffix("\r\n\r\n"), let line = received.split(separator: "\r\n").first
        else { return }
        if hasAnswered, hangsUp == .insteadOfSecondAnswer { return context.close(promise: nil) }
        guard let response = answer(String(line)) else { return }
        received = ""
        hasAnswered = true
        let channel = context.channel
        let written = context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: response)))
        if hangsUp == .afterAnswer { written.whenComplete { _ in channel.close(promise: nil) } }
    }
}
