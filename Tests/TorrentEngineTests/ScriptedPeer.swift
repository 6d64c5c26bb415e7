import BitTorrentProtocol
import NIOCore
import NIOPosix

/// A peer at the other end of a socket that does what a test says.
struct ScriptedPeer: Sendable {
    let channel: any Channel

    /// Connects to a node and sends `bytes`, as far as the node still listens.
    static func connect(to address: PeerAddress, sending bytes: ByteBuffer) async throws -> Self {
        let channel = try await ClientBootstrap(group: Node.group)
            .connect(host: address.hostText, port: Int(address.port)).get()
        // A node that has waited long enough may have hung up by now: `closed` tells of it.
        try? await channel.writeAndFlush(bytes)
        return Self(channel: channel)
    }

    /// Completes when the node has closed the connection.
    func closed() async throws { try await channel.closeFuture.get() }

    /// Listens for connections and serves `sample` from each; every block of `lies` is wrong.
    static func serve(
        _ sample: Sample,
        lyingAbout lies: @escaping @Sendable (BlockRequest) -> Bool
    ) async throws -> any Channel {
        try await ServerBootstrap(group: Node.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Seeder(sample: sample, lies: lies)
                    )
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }
}

extension Channel {
    var peerAddress: PeerAddress? {
        localAddress?.port.flatMap { PeerAddress(host: [127, 0, 0, 1], port: UInt16($0)) }
    }
}

private final class Seeder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let sample: Sample
    private let lies: @Sendable (BlockRequest) -> Bool
    private var received = ByteBuffer()
    private var isOpen = false

    init(sample: Sample, lies: @escaping @Sendable (BlockRequest) -> Bool) {
        self.sample = sample
        self.lies = lies
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        do {
            if !isOpen { try open(context) }
            while isOpen, let message = try PeerMessageDecoder().decode(&received) {
                guard case .request(let request) = message else { continue }
                send(answer(to: request), context)
            }
        } catch {
            context.close(promise: nil)
        }
        context.flush()
    }

    private func open(_ context: ChannelHandlerContext) throws {
        guard let handshake = try Handshake(consuming: &received) else { return }
        isOpen = true
        var generator = SystemRandomNumberGenerator()
        var answer = ByteBuffer()
        Handshake(
            capabilities: [],
            infoHash: handshake.infoHash,
            peerID: PeerID(using: &generator)
        ).encode(into: &answer)
        context.write(wrapOutboundOut(answer), promise: nil)
        var everything = Bitfield(count: sample.metainfo.info.geometry.pieceCount)
        for number in 0..<everything.count { everything[PieceIndex(number)] = true }
        send(.bitfield(everything.bytes), context)
        send(.unchoke, context)
    }

    private func answer(to request: BlockRequest) -> PeerMessage {
        let geometry = sample.metainfo.info.geometry
        let start =
            geometry.offset(of: PieceIndex(rawValue: request.piece)) + UInt64(request.offset)
        var payload = sample.bytes(start..<start + UInt64(request.length))
        if lies(request) {
            payload.setInteger(UInt64(0xbad), at: payload.readerIndex)
        }
        return .piece(piece: request.piece, offset: request.offset, payload: payload)
    }

    private func send(_ message: PeerMessage, _ context: ChannelHandlerContext) {
        var bytes = ByteBuffer()
        message.encode(into: &bytes)
        context.write(wrapOutboundOut(bytes), promise: nil)
    }
}
