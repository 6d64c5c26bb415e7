import BitTorrentProtocol
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Stands before a node, passes connections on, and notes how each of them begins.
final class Relay: Sendable {
    let address: PeerAddress
    private let channel: any Channel
    private let notes: NoteTaker
    private let ends: AsyncStream<Void>

    init(to target: PeerAddress) async throws {
        let (ends, ended) = AsyncStream<Void>.makeStream()
        let notes = NoteTaker()
        channel = try await ServerBootstrap(group: Node.group)
            .childChannelInitializer { channel in
                ClientBootstrap(group: channel.eventLoop)
                    .channelInitializer { other in
                        other.eventLoop.makeCompletedFuture {
                            try other.pipeline.syncOperations.addHandler(RelayEnd(to: channel))
                        }
                    }
                    .connect(host: target.hostText, port: Int(target.port))
                    .flatMapThrowing { other in
                        channel.closeFuture.whenComplete { _ in ended.yield() }
                        try channel.pipeline.syncOperations.addHandler(
                            RelayEnd(to: other) { notes.note($0) }
                        )
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        self.ends = ends
        self.notes = notes
        address = try #require(channel.peerAddress)
    }

    var openings: [StreamOpening] { notes.openings }

    /// The first connection is closed.
    func ended() async { _ = await ends.first { _ in true } }

    func close() async throws { try await channel.close() }
}

private final class NoteTaker: Sendable {
    private let log = Mutex<[StreamOpening]>([])

    var openings: [StreamOpening] { log.withLock(\.self) }

    func note(_ opening: StreamOpening) { log.withLock { $0.append(opening) } }
}

private final class RelayEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let partner: any Channel
    private var note: ((StreamOpening) -> Void)?

    init(to partner: any Channel, note: ((StreamOpening) -> Void)? = nil) {
        self.partner = partner
        self.note = note
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        note?(StreamOpening(of: bytes))
        note = nil
        partner.writeAndFlush(bytes, promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { partner.close(promise: nil) }
}
