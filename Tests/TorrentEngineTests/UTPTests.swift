import BitTorrentProtocol
import Logging
import NIOCore
import Synchronization
import Testing

@testable import TorrentEngine

/// Real datagrams over loopback.
@Suite struct UTPTests {
    /// Answers with what it reads.
    private final class Echo: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.write(data, promise: nil)
        }

        func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
    }

    /// Completes once so many bytes have come, or with what came before the end.
    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private var bytes = ByteBuffer()
        private let wanted: Int
        private let promise: EventLoopPromise<ByteBuffer>

        init(_ wanted: Int, _ promise: EventLoopPromise<ByteBuffer>) {
            self.wanted = wanted
            self.promise = promise
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var part = unwrapInboundIn(data)
            bytes.writeBuffer(&part)
            if bytes.readableBytes >= wanted { promise.succeed(bytes) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            promise.fail(ChannelError.eof)
            context.fireChannelInactive()
        }
    }

    private func service(
        accept: @escaping UTPService.Accept
    ) async throws -> (service: UTPService, port: DatagramPort, address: PeerAddress) {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let port = DatagramPort(listenHost: "127.0.0.1", loop: Node.loop, logger: logger)
        let service = UTPService(datagrams: port, logger: logger)
        await service.start(port: 0, accept: accept)
        let address = PeerAddress(host: [127, 0, 0, 1], port: port.port.value)
        return (service, port, try #require(address))
    }

    @Test func carriesMegabytesBothWays() async throws {
        let (server, serverPort, address) = try await service { channel in
            try channel.pipeline.syncOperations.addHandler(Echo())
        }
        let (client, clientPort, _) = try await service { _ in throw ChannelError.eof }
        let bytes = ByteBuffer(bytes: (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 * 7 / 5) })
        let echoed = try await withTimeLimit {
            let channel = try await client.connect(to: address).get()
            #expect(channel.isActive && channel.isWritable)
            let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
            try await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(
                    Collector(bytes.readableBytes, promise)
                )
            }.get()
            try await channel.writeAndFlush(bytes)
            let echoed = try await promise.futureResult.get()
            try await channel.close()
            return echoed
        }
        #expect(echoed == bytes)
        await client.shutdown()
        await server.shutdown()
        await clientPort.close()
        await serverPort.close()
    }

    @Test func aDialThatNobodyAnswersFails() async throws {
        let (client, port, _) = try await service { _ in throw ChannelError.eof }
        let nobody = try #require(PeerAddress(host: [127, 0, 0, 1], port: 9))
        await #expect(throws: UTPError.self) {
            _ = try await client.connect(to: nobody).get()
        }
        await client.shutdown()
        await port.close()
    }

    @Test func whoIsTurnedAwaySeesTheEnd() async throws {
        let (server, serverPort, address) = try await service { _ in
            throw ChannelError.inappropriateOperationForState
        }
        let (client, clientPort, _) = try await service { _ in throw ChannelError.eof }
        try await withTimeLimit {
            let channel = try await client.connect(to: address).get()
            try await channel.writeAndFlush(ByteBuffer(string: "hello"))
            try await channel.closeFuture.get()
        }
        await client.shutdown()
        await server.shutdown()
        await clientPort.close()
        await serverPort.close()
    }

    @Test func peersThatHaveNoTCPAreReadFrom() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 3_000_001, pieceLength: 1 << 17)
            let (a, b) = (try TemporaryDirectory(), try TemporaryDirectory())
            let seed = try await Node(a) { $0.usesUTP = true }
            let reader = try await Node(b) { $0.usesUTP = true }
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            await seed.session.state.withLock { $0.listener }?.close()
            let torrent = try await reader.session.add(sample.metainfo, addedTime: 1)
            await reader.session.addPeers(sample.infoHash, [try seed.address])
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            await reader.session.shutdown()
            await seed.session.shutdown()
        }
    }
}
