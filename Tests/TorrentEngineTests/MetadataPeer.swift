import BitTorrentProtocol
import NIOCore
import NIOPosix

/// A peer that speaks of nothing but metadata (BEP 9), and does what a test says.
struct MetadataPeer: Sendable {
    private let channel: any Channel
    private let closings: AsyncStream<Void>

    var peerAddress: PeerAddress? { channel.peerAddress }

    /// Listens, and serves the metadata of `sample` after `change`.
    static func serve(
        _ sample: Sample,
        _ change: (inout [UInt8]) -> Void
    ) async throws -> Self {
        var metadata = sample.metainfo.infoBytes
        change(&metadata)
        let (closings, continuation) = AsyncStream<Void>.makeStream()
        let channel = try await ServerBootstrap(group: Node.group)
            .childChannelInitializer { [metadata] channel in
                channel.closeFuture.whenComplete { _ in continuation.yield() }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Speaker(metadata: metadata))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return Self(channel: channel, closings: closings)
    }

    /// Completes when a connection to it has been closed.
    func closed() async throws {
        for await _ in closings { return }
    }

    func close() async throws { try await channel.close() }

    /// Asks for the first block, and returns the first answer.
    static func ask(
        _ infoHash: InfoHash,
        at address: PeerAddress
    ) async throws -> [MetadataMessage] {
        let (answers, continuation) = AsyncStream<MetadataMessage>.makeStream()
        let channel = try await ClientBootstrap(group: Node.group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Speaker(asking: infoHash) { continuation.yield($0) }
                    )
                }
            }
            .connect(host: address.hostText, port: Int(address.port)).get()
        defer { channel.close(promise: nil) }
        for await answer in answers { return [answer] }
        return []
    }
}

/// Names id 33 for `ut_metadata`.
private final class Speaker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let metadata: [UInt8]
    private let asked: InfoHash?
    private let answer: (MetadataMessage) -> Void
    private var received = ByteBuffer()
    private var isOpen = false

    init(metadata: [UInt8]) {
        self.metadata = metadata
        asked = nil
        answer = { _ in }
    }

    init(asking infoHash: InfoHash, answer: @escaping (MetadataMessage) -> Void) {
        metadata = []
        asked = infoHash
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        if let asked { greet(asked, context) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        do {
            if !isOpen { try open(context) }
            while isOpen, let message = try PeerMessageDecoder().decode(&received) {
                guard case .extended(id: 33, let payload) = message else { continue }
                let message = try MetadataMessage(decoding: Array(payload.readableBytesView))
                if case .request(let block) = message { serve(block, context) }
                answer(message)
            }
        } catch {
            context.close(promise: nil)
        }
        context.flush()
    }

    private func open(_ context: ChannelHandlerContext) throws {
        guard let handshake = try Handshake(consuming: &received) else { return }
        isOpen = true
        if asked == nil { greet(handshake.infoHash, context) }
    }

    private func greet(_ infoHash: InfoHash, _ context: ChannelHandlerContext) {
        var generator = SystemRandomNumberGenerator()
        var bytes = ByteBuffer()
        Handshake(
            capabilities: .extensionProtocol,
            infoHash: infoHash,
            peerID: PeerID(using: &generator)
        ).encode(into: &bytes)
        context.write(wrapOutboundOut(bytes), promise: nil)
        var handshake = ExtensionHandshake()
        handshake.messageIDs = ["ut_metadata": 33]
        handshake.metadataByteCount = metadata.isEmpty ? nil : metadata.count
        send(id: 0, handshake.encode(), context)
        if asked != nil {
            let request = MetadataMessage.request(block: 0)
            send(id: PeerExtension.metadata.localID, request.encode(), context)
        }
        context.flush()
    }

    private func serve(_ block: Int, _ context: ChannelHandlerContext) {
        let start = block * MetadataMessage.blockByteCount
        let end = min(start + MetadataMessage.blockByteCount, metadata.count)
        let data = MetadataMessage.data(
            block: block,
            totalByteCount: metadata.count,
            payload: Array(metadata[start..<end])
        )
        send(id: PeerExtension.metadata.localID, data.encode(), context)
    }

    private func send(id: UInt8, _ payload: [UInt8], _ context: ChannelHandlerContext) {
        var bytes = ByteBuffer()
        PeerMessage.extended(id: id, payload: ByteBuffer(bytes: payload)).encode(into: &bytes)
        context.write(wrapOutboundOut(bytes), promise: nil)
    }
}
