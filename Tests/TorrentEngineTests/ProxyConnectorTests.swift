import BitTorrentProtocol
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import TorrentEngine

/// Connections through a proxy, as far as no real one shows it.
@Suite struct ProxyConnectorTests {
    private func connector(
        _ port: Int,
        timeout: Duration = .seconds(3600)
    ) throws -> ProxyConnector {
        ProxyConnector(
            ProxyConfiguration(
                language: .socks5,
                host: "127.0.0.1",
                port: try #require(UInt16(exactly: port))
            ),
            timeout: timeout,
            place: BindPlace("::")
        )
    }

    private func connect(
        _ connector: ProxyConnector,
        to destination: String = "peer.example:6881"
    ) async throws {
        let destination = try #require(ProxyDestination(destination))
        let loop = Node.loop
        try await connector.connect(to: destination, on: loop).get().close()
    }

    private let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()

    @Test func namesAreToldToTheProxyAndToNobodyElse() async throws {
        try await withTimeLimit {
            let proxy = try await ScriptedSOCKSProxy()
            let bridge = ProxyBridge(
                try connector(proxy.port),
                group: Node.group,
                logger: logger
            )
            let client = WebSeedClient(
                group: Node.group,
                addresses: AddressFilter(allowsLoopback: false),
                bridge: bridge,
                patience: .endless
            )
            func request(_ url: String) -> WebSeedRequest {
                WebSeedRequest(
                    url: url,
                    range: nil,
                    resourceLength: nil,
                    content: 0..<15,
                    resource: 0..<15
                )
            }
            // A name that no name server knows (RFC 6761).
            await #expect(throws: Never.self) {
                let answer = try await client.ask(request("http://tracker.invalid/x"))
                let body = try await answer.body.collect(upTo: 100)
                #expect(String(buffer: body) == "tracker.invalid")
            }
            await #expect(throws: RemoteFailure.forbiddenHost("127.0.0.1")) {
                _ = try await client.ask(request("http://127.0.0.1/"))
            }
            await client.shutdown()
            await bridge.close()
            try await proxy.close()
        }
    }

    @Test func theBridgeLetsNobodyElseThrough() async throws {
        try await withTimeLimit {
            let bridge = ProxyBridge(try connector(1), group: Node.group, logger: logger)
            let address = try await bridge.address.get()
            for headers in ["", "Proxy-Authorization: Basic c2x1aWNlOmd1ZXNz\r\n"] {
                let answer = Node.loop.makePromise(of: String.self)
                let channel = try await ClientBootstrap(group: Node.group)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(FirstBytes(answer))
                        }
                    }
                    .connect(host: address.host, port: address.port).get()
                let request = "CONNECT peer.example:80 HTTP/1.1\r\n\(headers)\r\n"
                try await channel.writeAndFlush(ByteBuffer(string: request))
                #expect(try await answer.futureResult.get().hasPrefix("HTTP/1.1 403"))
            }
            await bridge.close()
        }
    }

    @Test func aProxyThatIsDownOrSilentFails() async throws {
        try await withTimeLimit {
            let proxy = try await ScriptedSOCKSProxy(answers: false)
            await #expect(throws: ProxyError.timedOut) {
                try await connect(try connector(proxy.port, timeout: .milliseconds(200)))
            }
            try await proxy.close()
            await #expect(throws: ProxyError.self) {
                try await connect(try connector(proxy.port))
            }
        }
    }
}

/// A SOCKS5 proxy that is itself every web server: it answers with the name that it was told.
private final class ScriptedSOCKSProxy: Sendable {
    let port: Int
    private let channel: any Channel

    init(answers: Bool = true) async throws {
        channel = try await ServerBootstrap(group: Node.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard answers else { return }
                    try channel.pipeline.syncOperations.addHandler(SOCKSAnswerer())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = channel.localAddress?.port ?? 0
    }

    func close() async throws { try await channel.close() }
}

private final class SOCKSAnswerer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var name: String?
    private var hasGreeted = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        let answer: ByteBuffer
        if !hasGreeted {
            hasGreeted = true
            answer = ByteBuffer(bytes: [5, 0] as [UInt8])
        } else if let name {
            answer = ByteBuffer(
                string: "HTTP/1.1 200 OK\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)"
            )
        } else {
            name = bytes[3] == 3 ? String(decoding: bytes[5...].dropLast(2), as: UTF8.self) : "?"
            answer = ByteBuffer(bytes: [5, 0, 0, 1, 0, 0, 0, 0, 0, 0] as [UInt8])
        }
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    }
}

private final class FirstBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let answer: EventLoopPromise<String>

    init(_ answer: EventLoopPromise<String>) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        answer.succeed(String(buffer: unwrapInboundIn(data)))
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(ChannelError.eof)
    }
}
