import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

/// A connection to a peer, by TCP or uTP: shakes hands, then hands messages to its owner, a read
/// burst at a time.
///
/// An outgoing TCP connection lives on its owner's event loop, so the owner is called directly. An
/// incoming one was accepted before anybody knew the torrent, and one by uTP lives with its socket:
/// these may be on another loop. Then a burst of it takes one hop, and no more than two bursts are on their way before the socket is
/// left alone.
final class PeerConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Side {
        case outgoing(any PeerOwner, PeerAddress)
        /// Finds who has the torrent that the peer asks for.
        case incoming((InfoHash) -> PeerOwnerSearch)
    }

    private enum Phase {
        case handshake(ByteBuffer)
        /// The torrent that the peer asks for is being woken.
        case finding(ByteBuffer)
        case open(any PeerOwner, PeerKey)
        case closed
    }

    /// What we can do beyond BEP 3.
    private static let capabilities: PeerCapabilities = [.extensionProtocol, .fast]
    private static let maximumBurstsUnderWay = 2

    private let side: Side
    private let ownID: PeerID
    private let handshakeTimeout: TimeAmount
    private let logger: Logger

    private var phase = Phase.handshake(ByteBuffer())
    private var answered: (any PeerOwner)?
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
        if case .outgoing(let owner, _) = side { sendHandshake(for: owner, context: context) }
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
            case .finding(var received):
                phase = .closed
                received.writeBuffer(&bytes)
                phase = .finding(received)
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
        // A peer that does not take our answers gets no more of them.
        if case .finding = phase {
            hasHeldRead = true
        } else if burstsUnderWay < Self.maximumBurstsUnderWay, context.channel.isWritable {
            context.read()
        } else {
            hasHeldRead = true
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        resumeReading(context: context)
        context.fireChannelWritabilityChanged()
    }

    private func resumeReading(context: ChannelHandlerContext) {
        guard hasHeldRead else { return }
        hasHeldRead = false
        read(context: context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        switch phase {
        case .open(let owner, let key): owner.tell(.disconnected(key))
        case .handshake(let received) where received.readableBytes == 0:
            reportUnansweredDial(over: context.channel)
        case .handshake, .finding, .closed: reportFailedDial()
        }
        phase = .closed
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(context: context, because: "\(error)")
    }

    // MARK: Handshake

    private func sendHandshake(for owner: any PeerOwner, context: ChannelHandlerContext) {
        var bytes = context.channel.allocator.buffer(capacity: Handshake.byteCount)
        Handshake(
            capabilities: Self.capabilities.union(owner.dhtCapability),
            infoHash: owner.infoHash,
            peerID: ownID
        ).encode(into: &bytes)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        answered = owner
    }

    private func shakeHands(_ received: ByteBuffer, context: ChannelHandlerContext) throws {
        var received = received
        if answered == nil, case .incoming(let find) = side,
            let infoHash = try Handshake.infoHash(in: received)
        {
            switch find(infoHash) {
            case .found(let owner): sendHandshake(for: owner, context: context)
            case .later(let owner):
                phase = .finding(received)
                return awaitOwner(owner, of: infoHash, context: context)
            case .nobody: return close(context: context, because: "no torrent \(infoHash)")
            }
        }
        guard let handshake = try Handshake(consuming: &received), let owner = answered else {
            phase = .handshake(received)
            return
        }
        guard handshake.infoHash == owner.infoHash else {
            return close(context: context, because: "it answers for \(handshake.infoHash)")
        }
        guard let remote = context.remoteAddress.flatMap({ PeerAddress($0) }) else {
            return close(context: context, because: "it has no address")
        }
        open(owner, handshake: handshake, remote: remote, context: context)
        try stream.append(received) { burst.append($0) }
    }

    /// Goes on with the handshake when the torrent is awake.
    private func awaitOwner(
        _ owner: EventLoopFuture<(any PeerOwner)?>,
        of infoHash: InfoHash,
        context: ChannelHandlerContext
    ) {
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        let boundContext = NIOLoopBound(context, eventLoop: context.eventLoop)
        owner.hop(to: context.eventLoop).whenComplete { result in
            let owner = (try? result.get()) ?? nil
            connection.value.found(owner, of: infoHash, context: boundContext.value)
        }
    }

    private func found(
        _ owner: (any PeerOwner)?,
        of infoHash: InfoHash,
        context: ChannelHandlerContext
    ) {
        guard case .finding(let received) = phase else { return }
        phase = .closed  // leaves `received` the only owner of its memory
        guard let owner else {
            return close(context: context, because: "no torrent \(infoHash)")
        }
        sendHandshake(for: owner, context: context)
        do {
            try shakeHands(received, context: context)
        } catch {
            close(context: context, because: "\(error)")
        }
        deliverBurst(context: context)
        resumeReading(context: context)
    }

    private func open(
        _ owner: any PeerOwner,
        handshake: Handshake,
        remote: PeerAddress,
        context: ChannelHandlerContext
    ) {
        timeout?.cancel()
        let key = owner.makePeerKey()
        phase = .open(owner, key)
        let (address, isIncoming) =
            if case .outgoing(_, let address) = side { (address, false) } else { (remote, true) }
        if !isIncoming { owner.resources.dialler.worked(context.channel, for: address) }
        let capabilities = Self.capabilities.union(owner.dhtCapability)
        let peer = ConnectedPeer(
            channel: context.channel,
            address: address,
            isIncoming: isIncoming,
            id: handshake.peerID,
            capabilities: handshake.capabilities.intersection(capabilities)
        )
        owner.tell(.connected(key, peer))
    }

    // MARK: Messages

    private func deliverBurst(context: ChannelHandlerContext) {
        guard !burst.isEmpty, case .open(let owner, let key) = phase else { return }
        let messages = burst
        burst.removeAll(keepingCapacity: false)
        if owner.loop.inEventLoop { return owner.take(.received(messages, from: key)) }
        burstsUnderWay += 1
        let loop = context.eventLoop
        let connection = NIOLoopBound(self, eventLoop: loop)
        let boundContext = NIOLoopBound(context, eventLoop: loop)
        owner.loop.execute {
            owner.take(.received(messages, from: key))
            loop.execute { connection.value.burstEnded(context: boundContext.value) }
        }
    }

    private func burstEnded(context: ChannelHandlerContext) {
        burstsUnderWay -= 1
        resumeReading(context: context)
    }

    // MARK: End

    private func close(context: ChannelHandlerContext, because reason: String) {
        let address = context.remoteAddress.map { "\($0)" } ?? "?"
        logger.debug("closing a peer: \(reason)", metadata: ["peer": "\(address)"])
        context.close(promise: nil)
    }

    /// It may understand nothing but encrypted handshakes, or nothing but plain ones.
    private func reportUnansweredDial(over channel: any Channel) {
        guard case .outgoing(let owner, let address) = side else { return }
        if owner.resources.encryptedDials.retries(address) {
            owner.logger.debug("dialling again, encrypted", metadata: ["peer": "\(address)"])
        } else if owner.resources.dialler.retries(address, after: channel) {
            owner.logger.debug("dialling again by uTP", metadata: ["peer": "\(address)"])
        } else {
            return reportFailedDial()
        }
        owner.dial(address)
    }

    private func reportFailedDial() {
        if case .outgoing(let owner, let address) = side { owner.tell(.dialFailed(address)) }
    }
}
