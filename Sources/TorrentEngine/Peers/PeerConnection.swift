import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

/// A TCP connection to a peer: shakes hands, then hands messages to its owner, a read burst at a
/// time.
///
/// An outgoing connection lives on its owner's event loop, so the owner is called directly. An
/// incoming one was accepted before anybody knew the torrent and may live on another loop: then a
/// burst of it takes one hop, and no more than two bursts are on their way before the socket is
/// left alone.
final class PeerConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Side {
        case outgoing(any PeerOwner, PeerAddress, under: InfoHash)
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
    /// Whom we spoke for, and under which hash.
    private var answered: (owner: any PeerOwner, hash: InfoHash)?
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
        if case .outgoing(let owner, _, let hash) = side {
            sendHandshake(for: owner, under: hash, context: context)
        }
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
        case .handshake(let received) where received.readableBytes == 0: reportUnansweredDial()
        case .handshake, .finding, .closed: reportFailedDial()
        }
        phase = .closed
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        close(context: context, because: "\(error)")
    }

    // MARK: Handshake

    private func sendHandshake(
        for owner: any PeerOwner,
        under hash: InfoHash,
        context: ChannelHandlerContext
    ) {
        var bytes = context.channel.allocator.buffer(capacity: Handshake.byteCount)
        Handshake(
            capabilities: Self.capabilities(for: owner),
            infoHash: hash,
            peerID: ownID
        ).encode(into: &bytes)
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        answered = (owner, hash)
    }

    private static func capabilities(for owner: any PeerOwner) -> PeerCapabilities {
        capabilities.union(owner.dhtCapability).union(owner.swarmHashes.capabilities)
    }

    private func shakeHands(_ received: ByteBuffer, context: ChannelHandlerContext) throws {
        var received = received
        if answered == nil, case .incoming(let find) = side,
            let opening = try Handshake.opening(in: received)
        {
            switch find(opening.infoHash) {
            case .found(let owner): answer(opening, for: owner, context: context)
            case .later(let owner):
                phase = .finding(received)
                return awaitOwner(owner, for: opening, context: context)
            case .nobody:
                return close(context: context, because: "no torrent \(opening.infoHash)")
            }
        }
        guard let handshake = try Handshake(consuming: &received), let answered else {
            phase = .handshake(received)
            return
        }
        let (owner, sent) = answered
        var agreed = handshake.infoHash
        switch side {
        case .outgoing:
            guard owner.swarmHashes.accepts(agreed, to: sent) else {
                return close(context: context, because: "it answers for \(handshake.infoHash)")
            }
        // It was the peer who asked: what we answered is agreed.
        case .incoming: agreed = sent
        }
        guard let remote = context.remoteAddress.flatMap({ PeerAddress($0) }) else {
            return close(context: context, because: "it has no address")
        }
        open(owner, handshake: handshake, under: agreed, remote: remote, context: context)
        try stream.append(received) { burst.append($0) }
    }

    private func answer(
        _ opening: Handshake.Opening,
        for owner: any PeerOwner,
        context: ChannelHandlerContext
    ) {
        let hash = owner.swarmHashes.answer(to: opening.infoHash, from: opening.capabilities)
        sendHandshake(for: owner, under: hash, context: context)
    }

    /// Goes on with the handshake when the torrent is awake.
    private func awaitOwner(
        _ owner: EventLoopFuture<(any PeerOwner)?>,
        for opening: Handshake.Opening,
        context: ChannelHandlerContext
    ) {
        let connection = NIOLoopBound(self, eventLoop: context.eventLoop)
        let boundContext = NIOLoopBound(context, eventLoop: context.eventLoop)
        owner.hop(to: context.eventLoop).whenComplete { result in
            let owner = (try? result.get()) ?? nil
            connection.value.found(owner, for: opening, context: boundContext.value)
        }
    }

    private func found(
        _ owner: (any PeerOwner)?,
        for opening: Handshake.Opening,
        context: ChannelHandlerContext
    ) {
        guard case .finding(let received) = phase else { return }
        phase = .closed  // leaves `received` the only owner of its memory
        guard let owner else {
            return close(context: context, because: "no torrent \(opening.infoHash)")
        }
        answer(opening, for: owner, context: context)
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
        under hash: InfoHash,
        remote: PeerAddress,
        context: ChannelHandlerContext
    ) {
        timeout?.cancel()
        let key = owner.makePeerKey()
        phase = .open(owner, key)
        let (address, isIncoming) =
            if case .outgoing(_, let address, _) = side { (address, false) } else { (remote, true) }
        let peer = ConnectedPeer(
            channel: context.channel,
            address: address,
            isIncoming: isIncoming,
            id: handshake.peerID,
            capabilities: handshake.capabilities.intersection(Self.capabilities(for: owner)),
            speaksVersion2: owner.swarmHashes.speaksVersion2(under: hash)
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
    private func reportUnansweredDial() {
        guard case .outgoing(let owner, let address, _) = side else { return }
        guard owner.resources.encryptedDials.retries(address) else { return reportFailedDial() }
        owner.logger.debug("dialling again, encrypted", metadata: ["peer": "\(address)"])
        owner.dial(address)
    }

    private func reportFailedDial() {
        if case .outgoing(let owner, let address, _) = side { owner.tell(.dialFailed(address)) }
    }
}
