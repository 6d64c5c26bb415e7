import BitTorrentProtocol
import NIOCore

/// Encrypts a connection to a peer, if both sides want it: stands before the connection's handler,
/// which sees and writes nothing but what BEP 3 describes.
///
/// When it turns out that everything travels as it is, this handler leaves the pipeline. How long
/// the handshake may take is up to the handler behind it.
final class PeerCipher: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// We dialled; not yet connected.
        case idle(InfoHash)
        /// Accepted; it may yet be plain text.
        case opening(ByteBuffer)
        case initiating(EncryptionInitiator)
        case responding(EncryptionResponder)
        case ended
    }

    private typealias Write = (bytes: ByteBuffer, promise: EventLoopPromise<Void>?)

    private let policy: EncryptionPolicy
    private let names: ObfuscatedInfoHashes
    private var phase: Phase
    /// What is to be sent once the handshake is done.
    private var pending: [Write] = []
    private var isDone = false
    /// Set once the handshake is done, unless everything travels as it is.
    private var ciphers: StreamCiphers?
    private var generator = SystemRandomNumberGenerator()

    /// - Parameter infoHash: the torrent for which we dialled; `nil` for an accepted connection.
    init(dialling infoHash: InfoHash?, resources: SessionResources) {
        policy = resources.configuration.encryption
        names = resources.obfuscatedInfoHashes
        phase = infoHash.map { .idle($0) } ?? .opening(ByteBuffer())
    }

    /// The handler behind this one writes its handshake now; it becomes the initial payload.
    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        guard case .idle(let infoHash) = phase else { return }
        let handshake = pending.isEmpty ? nil : pending.removeFirst()
        let initiator = EncryptionInitiator(
            infoHash: infoHash,
            offering: policy.methods,
            initialPayload: handshake?.bytes ?? ByteBuffer(),
            using: &generator
        )
        phase = .initiating(initiator)
        context.writeAndFlush(wrapOutboundOut(initiator.greeting), promise: handshake?.promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        if let decrypted = ciphers?.decrypt(bytes) {
            context.fireChannelRead(wrapInboundOut(decrypted))
            return
        }
        do {
            try shakeHands(bytes, context: context)
        } catch {
            phase = .ended
            context.fireErrorCaught(error)
        }
    }

    func write(
        context: ChannelHandlerContext,
        data: NIOAny,
        promise: EventLoopPromise<Void>?
    ) {
        let bytes = unwrapOutboundIn(data)
        if let encrypted = ciphers?.encrypt(bytes) {
            context.write(wrapOutboundOut(encrypted), promise: promise)
        } else if isDone {
            context.write(data, promise: promise)
        } else {
            pending.append((bytes, promise))
        }
    }

    func flush(context: ChannelHandlerContext) {
        if isDone { context.flush() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        phase = .ended
        failPending()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { failPending() }

    // MARK: Handshake

    private func shakeHands(
        _ bytes: ByteBuffer,
        context: ChannelHandlerContext
    ) throws(EncryptionError) {
        let step: EncryptionStep
        switch phase {
        case .idle, .ended: return
        case .opening(var received):
            received.writeImmutableBuffer(bytes)
            return try open(received, context: context)
        case .initiating(var initiator):
            step = try initiator.received(bytes)
            phase = .initiating(initiator)
        case .responding(var responder):
            step = try responder.received(bytes) { names.infoHash(of: $0) }
            phase = .responding(responder)
        }
        if step.reply.readableBytes > 0 {
            context.writeAndFlush(wrapOutboundOut(step.reply), promise: nil)
        }
        if let connection = step.connection {
            finish(connection.ciphers, received: connection.received, context: context)
        }
    }

    /// The first bytes of a connection that we accepted.
    private func open(
        _ received: ByteBuffer,
        context: ChannelHandlerContext
    ) throws(EncryptionError) {
        switch StreamOpening(of: received) {
        case .undecided: phase = .opening(received)
        case .plaintext:
            guard policy != .require else { throw .notEncrypted }
            finish(nil, received: received, context: context)
        case .encrypted:
            phase = .responding(
                EncryptionResponder(accepting: policy.methods, using: &generator)
            )
            try shakeHands(received, context: context)
        }
    }

    /// - Parameter ciphers: `nil` if everything travels as it is from now on.
    private func finish(
        _ ciphers: StreamCiphers?,
        received: ByteBuffer,
        context: ChannelHandlerContext
    ) {
        phase = .ended
        isDone = true
        self.ciphers = ciphers
        let writes = pending
        pending = []
        for write in writes {
            self.write(context: context, data: wrapOutboundOut(write.bytes), promise: write.promise)
        }
        if !writes.isEmpty { context.flush() }
        if received.readableBytes > 0 { context.fireChannelRead(wrapInboundOut(received)) }
        if ciphers == nil { context.pipeline.syncOperations.removeHandler(self, promise: nil) }
    }

    private func failPending() {
        let writes = pending
        pending = []
        for write in writes { write.promise?.fail(ChannelError.ioOnClosedChannel) }
    }
}
