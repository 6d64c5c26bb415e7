import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

/// A TCP connection to a peer: shakes hands, then hands messages to its torrent, a read burst at a
/// time.
///
/// An outgoing connection lives on its torrent's event loop, so the torrent is called directly. An
/// incoming one was accepted before anybody knew the torrent and may live on another loop: then a
/// burst of it takes one hop, and no more than two bursts are on their way before the socket is
/// left alone.
final class PeerConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Side {
        case outgoing(Torrent, PeerAddress)
        /// Finds the torrent that the peer asks for.
        case incoming((InfoHash) -> Torrent?)
    }

    private enum Phase {
        case handshake(ByteBuffer)
        case open(Torrent, PeerKey)
        case closed
    }

    private static let maximumBurstsUnderWay = 2

    private let side: Side
    private let ownID: PeerID
    private let handshakeTimeout: TimeAmount
    private let logger: Logger

    private var phase = Phase.handshake(ByteBuffer())
    private var answered: Torrent?
    private var timeout: Scheduled<Void>?
    private var stream = PeerStream()
    private var burst: [PeerMessage] = []
    private var burstsUnderWay = 0
    private var hasHeldRead = false

    init(side: Side, resources: SessionResources) {
        self.side = side
        ownID = resources.ownID
        handshakeTimeout = TimeAmount(resources.configuration.connectTimeout)
        logger = resources.logger
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: handshakeTimeout) {
            channel.close(promise: nil)
        }
        if case .outgoing(let torrent, _) = side { sendHandshake(for: torrent, context: context) }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        do {
            switch phase {
            case .handshake(var received):
                phase = .closed  // leaves `received` the only owner of its memory
                received.writeBuffer(&bytes)
                try shakeHands(received, context: context)
            case .open:
                try stream.append(bytes) { burst.append($0) }
            case .closed: break
            }
        } catch {
            deliverBurst(context: context)
            close(context: context, because: "\(error)")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        deliverBurst(context: context)
        context.fireChannelReadComplete()
    }

    func read(context: ChannelHandlerContext) {
        if burstsUnderWay < Self.maximumBurstsUnderWay {
            context.read()
        } else {
            hasHeldRead = true
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        switch phase {
        case .open(let torrent, let key): torrent.run { $0.disconnected(key) }
        case .handshake, .closed: reportFailedDial()
        }
        phase = .closed
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(context: context, because: "\(error)")
    }

    // MARK: Handshake

    private func sendHandshake(for torrent: Torrent, context: ChannelHandlerContext) {
        var bytes = context.channel.allocator.buffer(capacity: Handshake.byteCount)
        Handshake(
            capabilities: torrent.dhtCapability,
            infoHash: torrent.infoHash,
            peerID: ownID
        ).encode(into: &bytes)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        answered = torrent
    }

    private func shakeHands(_ received: ByteBuffer, context: ChannelHandlerContext) throws {
        var received = received
        if answered == nil, case .incoming(let find) = side,
            let infoHash = try Handshake.infoHash(in: received)
        {
            guard let torrent = find(infoHash) else {
                return close(context: context, because: "no torrent \(infoHash)")
            }
            sendHandshake(for: torrent, context: context)
        }
        guard let handshake = try Handshake(consuming: &received), let torrent = answered else {
            phase = .handshake(received)
            return
        }
        guard handshake.infoHash == torrent.infoHash else {
            return close(context: context, because: "it answers for \(handshake.infoHash)")
        }
        guard let remote = context.remoteAddress.flatMap({ PeerAddress($0) }) else {
            return close(context: context, because: "it has no address")
        }
        open(torrent, handshake: handshake, remote: remote, context: context)
        try stream.append(received) { burst.append($0) }
    }

    private func open(
        _ torrent: Torrent,
        handshake: Handshake,
        remote: PeerAddress,
        context: ChannelHandlerContext
    ) {
        timeout?.cancel()
        let key = torrent.makePeerKey()
        phase = .open(torrent, key)
        let channel = context.channel
        switch side {
        case .outgoing(_, let address):
            torrent.run { torrent in
                torrent.connected(
                    key,
                    over: channel,
                    to: address,
                    isIncoming: false,
                    id: handshake.peerID
                )
            }
        case .incoming:
            torrent.run { torrent in
                torrent.connected(
                    key,
                    over: channel,
                    to: remote,
                    isIncoming: true,
                    id: handshake.peerID
                )
            }
        }
        if handshake.capabilities.contains(.dht) { torrent.run { $0.sendDHTPort(to: key) } }
    }

    // MARK: Messages

    private func deliverBurst(context: ChannelHandlerContext) {
        guard !burst.isEmpty, case .open(let torrent, let key) = phase else { return }
        let messages = burst
        burst.removeAll(keepingCapacity: false)
        if torrent.loop.inEventLoop {
            torrent.assumeIsolated { $0.received(messages, from: key) }
            return
        }
        burstsUnderWay += 1
        let loop = context.eventLoop
        let connection = NIOLoopBound(self, eventLoop: loop)
        let boundContext = NIOLoopBound(context, eventLoop: loop)
        torrent.loop.execute {
            torrent.assumeIsolated { $0.received(messages, from: key) }
            loop.execute { connection.value.burstEnded(context: boundContext.value) }
        }
    }

    private func burstEnded(context: ChannelHandlerContext) {
        burstsUnderWay -= 1
        guard hasHeldRead, burstsUnderWay < Self.maximumBurstsUnderWay else { return }
        hasHeldRead = false
        context.read()
    }

    // MARK: End

    private func close(context: ChannelHandlerContext, because reason: String) {
        let address = context.remoteAddress.map { "\($0)" } ?? "?"
        logger.debug("closing a peer: \(reason)", metadata: ["peer": "\(address)"])
        context.close(promise: nil)
    }

    private func reportFailedDial() {
        if case .outgoing(let torrent, let address) = side {
            torrent.run { $0.dialFailed(address) }
        }
    }
}
