import BitTorrentProtocol
import NIOCore
import NIOPosix

/// A UDP tracker on loopback (BEP 15) that names one peer, of a swarm of 3 seeds and 4 others.
final class ScriptedUDPTracker: Sendable {
    enum Script: Sendable {
        case names(PeerAddress)
        case refuses(String)
        /// Answers connects and nothing more.
        case silent
    }

    /// The announces that arrived, as their packets.
    let announces: AsyncStream<[UInt8]>
    let port: Int
    private let channel: any Channel

    init(_ script: Script, host: String = "127.0.0.1") async throws {
        let (announces, continuation) = AsyncStream<[UInt8]>.makeStream()
        channel = try await DatagramBootstrap(group: Node.group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Answerer(script) { continuation.yield($0) }
                    )
                }
            }
            .bind(host: host, port: 0).get()
        self.announces = announces
        port = channel.localAddress?.port ?? 0
    }

    func close() async throws { try await channel.close() }
}

private final class Answerer: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    private let script: ScriptedUDPTracker.Script
    private let report: ([UInt8]) -> Void

    init(_ script: ScriptedUDPTracker.Script, _ report: @escaping ([UInt8]) -> Void) {
        self.script = script
        self.report = report
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let packet = unwrapInboundIn(data)
        let bytes = Array(packet.data.readableBytesView)
        guard bytes.count >= 16 else { return }
        let transaction = bytes[12..<16]
        var answer: [UInt8] = []
        if bytes[11] == 0 {
            answer = [0, 0, 0, 0] + transaction + [1, 2, 3, 4, 5, 6, 7, 8]
        } else if bytes[11] == 2, case .names = script {
            answer = [0, 0, 0, 2] + transaction + [0, 0, 0, 3, 0, 0, 0, 9, 0, 0, 0, 4]
        } else {
            report(bytes)
            switch script {
            case .names(let peer):
                answer =
                    [0, 0, 0, 1] + transaction + [0, 0, 7, 8, 0, 0, 0, 0, 0, 0, 0, 1] + peer.compact
            case .refuses(let reason): answer = [0, 0, 0, 3] + transaction + Array(reason.utf8)
            case .silent: return
            }
        }
        let envelope = AddressedEnvelope(
            remoteAddress: packet.remoteAddress,
            data: ByteBuffer(bytes: answer)
        )
        context.writeAndFlush(wrapOutboundOut(envelope), promise: nil)
    }
}
