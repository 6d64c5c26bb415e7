import BitTorrentProtocol
import NIOCore
import Synchronization
import TorrentLogic

/// A uTP connection as a channel, so that the handlers of TCP connections work on it unchanged:
/// performs what its `UTPConnection` decides.
///
/// Lives on the event loop of the socket, which it shares with all others.
// All state that changes belongs to the event loop, or is atomic.
final class UTPChannel: Channel, @unchecked Sendable {
    /// Beyond this much that the peer has not taken, nothing more should be written.
    private static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(
        low: 1 << 20,
        high: 8 << 20
    )

    let allocator = ByteBufferAllocator()
    let eventLoop: any EventLoop
    let remoteAddress: SocketAddress?
    let localAddress: SocketAddress? = nil
    let parent: (any Channel)? = nil
    private(set) lazy var pipeline = ChannelPipeline(channel: self)
    private let active = Atomic<Bool>(false)
    private let writable = Atomic<Bool>(true)

    // All that follows is used on the loop alone.
    private let closing: EventLoopPromise<Void>
    private let opening: EventLoopPromise<any Channel>
    private let remote: SocketAddress
    private let socket: DatagramSocket
    private let ended: (UTPChannel) -> Void
    var connection: UTPConnection
    private var output = UTPOutput()
    /// Payload that came early, by number.
    private var early: [Int: ByteBuffer] = [:]
    /// What came in order and was not read.
    private var input = ByteBuffer()
    private var readsAutomatically = true
    private var isReadWanted = false
    private var isReadScheduled = false
    private var isClosed = false
    /// It has had datagrams in the burst that is being read.
    var isInBurst = false
    private var timer: (deadline: UTPConnection.Instant, task: Scheduled<Void>)?

    /// - Parameter ended: called once on the loop, when no datagram concerns it any more.
    init(
        _ connection: UTPConnection,
        remote: SocketAddress,
        socket: DatagramSocket,
        loop: any EventLoop,
        ended: @escaping (UTPChannel) -> Void
    ) {
        self.connection = connection
        self.remote = remote
        self.socket = socket
        self.ended = ended
        eventLoop = loop
        remoteAddress = remote
        closing = loop.makePromise()
        opening = loop.makePromise()
        // Made now, because several threads may ask for it later.
        _ = pipeline
    }

    var closeFuture: EventLoopFuture<Void> { closing.futureResult }
    var isWritable: Bool { writable.load(ordering: .relaxed) }
    var isActive: Bool { active.load(ordering: .relaxed) }
    var _channelCore: any ChannelCore { self }

    // MARK: Life

    /// Asks for the connection that we dial.
    ///
    /// - Returns: completes after `channelActive`.
    func connect() -> EventLoopFuture<any Channel> {
        pipeline.fireChannelRegistered()
        pump()
        return opening.futureResult
    }

    /// The connection stands.
    func begin() {
        guard !isClosed, !isActive else { return }
        active.store(true, ordering: .relaxed)
        pipeline.fireChannelActive()
        readAgain()
        opening.succeed(self)
    }

    /// A datagram has come; more may follow before `burstEnded`.
    func received(_ header: UTPHeader, payload: ByteBuffer) {
        let byteCount = payload.readableBytes
        let number = connection.number(of: header)
        switch connection.received(header, byteCount: byteCount, now: .now) {
        case .ignored: break
        case .early:
            // A copy: the datagram is a part of a large buffer.
            if let number { early[number] = ByteBuffer(bytes: payload.readableBytesView) }
        case .inOrder(let following):
            input.writeImmutableBuffer(payload)
            guard following > 0, let end = connection.receivedEnd else { break }
            for number in (end - following)..<end {
                if let bytes = early.removeValue(forKey: number) {
                    input.writeImmutableBuffer(bytes)
                }
            }
        }
    }

    func burstEnded() {
        if case .open = connection.state { begin() }
        deliver()
        isInBurst = false
        pump()
    }

    private func pump() {
        if !isInBurst {
            let now = UTPConnection.Instant.now
            while let datagram = connection.nextDatagram(now: now) {
                let bytes = output.bytes(of: datagram)
                if datagram.isTrial {
                    socket.sendWhole(bytes, to: remote)
                } else {
                    socket.write(bytes, to: remote)
                }
            }
            socket.flush()
            output.acknowledged(below: connection.acknowledgedEnd)
            for promise in output.takeCut() { promise.succeed() }
            setWritable()
        }
        setTimer()
        if case .closed(let end) = connection.state { finish(end) }
    }

    private func finish(_ end: UTPConnection.End) {
        timer?.task.cancel()
        timer = nil
        shut(UTPError(end))
        ended(self)
    }

    private func setTimer() {
        guard let deadline = connection.nextDeadline else { return }
        // One that is set too early is left alone, because deadlines move with every datagram.
        if let timer, timer.deadline <= deadline { return }
        timer?.task.cancel()
        let delay = TimeAmount(max(.zero, UTPConnection.Instant.now.duration(to: deadline)))
        let task = eventLoop.scheduleTask(in: delay) { self.timerFired() }
        timer = (deadline, task)
    }

    private func timerFired() {
        timer = nil
        if let deadline = connection.nextDeadline, deadline <= .now {
            connection.timerFired(now: .now)
        }
        pump()
    }

    // MARK: Reading

    private func deliver() {
        guard isActive else { return }
        if isReadWanted, input.readableBytes > 0 {
            isReadWanted = false
            let bytes = input
            input = ByteBuffer()
            connection.taken(bytes.readableBytes)
            pipeline.fireChannelRead(bytes)
            pipeline.fireChannelReadComplete()
            readAgain()
        }
        if connection.isAtEnd, input.readableBytes == 0 { shut(ChannelError.eof) }
    }

    private func readAgain() { if readsAutomatically, isActive { pipeline.read() } }

    // MARK: Writing

    private func setWritable() {
        let isFull = output.waitingByteCount > Self.waterMark.high
        let isFree = output.waitingByteCount < Self.waterMark.low
        guard isWritable ? isFull : isFree else { return }
        writable.store(!isFull, ordering: .relaxed)
        if isActive { pipeline.fireChannelWritabilityChanged() }
    }

    // MARK: End

    /// Ends the channel; the connection goes on until the peer knows.
    private func shut(_ error: any Error) {
        guard !isClosed else { return }
        isClosed = true
        connection.close()
        opening.fail(error)
        for promise in output.discardWaiting() { promise.fail(error) }
        early = [:]
        input = ByteBuffer()
        if active.exchange(false, ordering: .relaxed) { pipeline.fireChannelInactive() }
        pipeline.fireChannelUnregistered()
        eventLoop.execute {
            self.removeHandlers(pipeline: self.pipeline)
            self.closing.succeed()
        }
    }
}

// MARK: - Options

extension UTPChannel {
    /// Whether it reads by itself is all that can be set.
    func setOption<Option: ChannelOption>(
        _ option: Option,
        value: Option.Value
    ) -> EventLoopFuture<Void> {
        guard option is ChannelOptions.Types.AutoReadOption, let value = value as? Bool else {
            return eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        return eventLoop.submit {
            self.readsAutomatically = value
            self.readAgain()
        }
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    var syncOptions: (any NIOSynchronousChannelOptions)? { nil }
}

// MARK: - ChannelCore

extension UTPChannel: ChannelCore {
    func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }

    func remoteAddress0() throws -> SocketAddress { remote }

    func register0(promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isClosed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        output.write(unwrapData(data, as: ByteBuffer.self), promise)
        setWritable()
    }

    func flush0() {
        let byteCount = output.flush()
        guard byteCount > 0, !isClosed else { return }
        connection.write(byteCount)
        pump()
    }

    func read0() {
        isReadWanted = true
        guard input.readableBytes > 0, !isReadScheduled else { return }
        isReadScheduled = true
        eventLoop.execute {
            self.isReadScheduled = false
            self.deliver()
            self.pump()
        }
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        guard !isClosed else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        shut(error)
        promise?.succeed()
        pump()
    }

    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    func channelRead0(_ data: NIOAny) {}

    func errorCaught0(error: any Error) {}
}
