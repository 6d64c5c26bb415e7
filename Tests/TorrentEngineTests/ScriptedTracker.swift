import NIOCore
import NIOPosix

/// An HTTP tracker on loopback that answers as a test says.
final class ScriptedTracker: Sendable {
    /// The request lines that arrived.
    let requests: AsyncStream<String>
    let url: String
    private let channel: any Channel

    /// - Parameters:
    ///   - hangsUp: whether the connection ends behind a response.
    ///   - answer: the whole response to a request line; `nil` to leave it waiting.
    init(
        hangsUp: Bool = true,
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

    private let hangsUp: Bool
    private let answer: (String) -> String?
    private var received = ""

    init(hangsUp: Bool, answer: @escaping (String) -> String?) {
        self.hangsUp = hangsUp
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += String(buffer: unwrapInboundIn(data))
        guard received.hasSuffix("\r\n\r\n"), let line = received.split(separator: "\r\n").first,
            let response = answer(String(line))
        else { return }
        let channel = context.channel
        let written = context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: response)))
        if hangsUp { written.whenComplete { _ in channel.close(promise: nil) } }
    }
}
