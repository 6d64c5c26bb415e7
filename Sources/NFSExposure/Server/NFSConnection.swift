import Logging
import NFSProtocol
import NIOCore
import ONCRPC
import VirtualTree

/// One TCP connection: records in, replies out in any order.
///
/// Confined to its event loop.
///
/// What memory can answer is answered within `channelRead` and sent once per read burst. A READ that
/// waits for peers, or for the client to take what came before, is a value in a table: no task, no
/// buffer and no timer of its own.
final class NFSConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let service: NFSService
    let caller: Caller
    private let nfs: NFS3Program
    private var decoder: RecordDecoder
    private(set) var waits: ReadWaits
    var activity = ReadActivity()
    private(set) var context: ChannelHandlerContext?

    var queue: ReplyQueue
    /// `send` is under way.
    var isSending = false
    /// Bytes that the client has not taken.
    var heldBytes = 0
    var diskReadBytes = 0
    private var isReadSuppressed = false
    /// Nothing that came before the end is looked at after it.
    private(set) var isClosed = false

    private var completedRecords = 0
    private var partialRecordTimer: Scheduled<Void>?
    private var waitTimer: (deadline: ContinuousClock.Instant, task: Scheduled<Void>)?

    init(service: NFSService, peer: IPAddress, port: Int) {
        self.service = service
        nfs = NFS3Program(service: service)
        caller = Caller(address: peer, port: port, service: service)
        decoder = RecordDecoder(maximumRecordSize: service.limits.recordByteCount)
        waits = ReadWaits(limit: service.limits.waitingReads, total: service.waitingReads)
        queue = ReplyQueue(replyByteLimit: service.limits.replyBytes)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        caller.refresh(from: service)
        decoder.append(Self.unwrapInboundIn(data))
        do throws(RecordError) {
            while !isClosed, let record = try decoder.nextRecord() {
                completedRecords += 1
                take(record)
                // Or one burst of calls could make replies without an end.
                if queue.replies.readableBytes >= service.limits.replyBytes { send() }
            }
        } catch {
            service.reportAbuse("connection closed: \(error)", from: caller.address)
            close()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        send()
        watchPartialRecord(context)
        context.fireChannelReadComplete()
    }

    /// Reading goes on while calls can be put off, since clients drop a server that reads nothing.
    func read(context: ChannelHandlerContext) {
        if queue.count >= service.limits.deferredCalls {
            isReadSuppressed = true
        } else {
            context.read()
        }
    }

    func resumeReading() {
        guard isReadSuppressed, queue.count <= service.limits.deferredCalls / 2 else { return }
        isReadSuppressed = false
        context?.read()
    }

    func channelActive(context: ChannelHandlerContext) {
        tellOpened(on: context.eventLoop)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        tellClosed(on: context.eventLoop)
        partialRecordTimer?.cancel()
        waitTimer?.task.cancel()
        for waiting in waits.removeAll() { waiting.end() }
        service.release(queue.removeAll())
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        service.logger.debug(
            "connection failed",
            metadata: ["peer": "\(caller.address)", "error": "\(error)"]
        )
        close()
    }

    func close() {
        isClosed = true
        context?.close(promise: nil)
    }

    // MARK: Calls

    private func take(_ record: ByteBuffer) {
        var arguments = record
        let call: RPCCall
        do throws(RPCRejection) {
            call = try RPCCall(consuming: &arguments)
        } catch {
            switch error {
            case .reply(let xid, let reply): reply.encodeRecord(xid: xid, into: &queue.replies)
            case .notACall, .truncated:
                service.reportAbuse("record that is no call", from: caller.address)
                close()
            }
            return
        }
        if queue.isFull { queue.put(call, arguments) } else { perform(call, arguments) }
    }

    func perform(_ call: RPCCall, _ arguments: ByteBuffer) {
        switch (call.program, call.version) {
        case (ProgramNumber.nfs, 3):
            let read = nfs.answer(
                call,
                arguments: arguments,
                caller: caller,
                replies: &queue.replies
            )
            if let read { start(read) }
        case (ProgramNumber.nfs, _):
            RPCReply.programMismatch(low: 3, high: 3)
                .encodeRecord(xid: call.xid, into: &queue.replies)
        default:
            var message = service.answer(call, arguments: arguments, caller: caller)
            let mark = RecordMark(reservedIn: &queue.replies)
            queue.replies.writeBuffer(&message)
            mark.set(in: &queue.replies)
        }
    }

    // MARK: READ

    private func start(_ read: ReadCall) {
        read.file.noteRead(read.range, by: caller.client)
        let wanted = UInt64(read.range.count)
        let verified = read.file.verifiedPrefix(of: read.range)
        if verified >= wanted {
            queue.put(ReplyQueue.Read(call: read, count: wanted))
            return
        }
        let now = ContinuousClock.now
        let policy = service.limits.waitPolicy ?? ReadWaitPolicy(read.access.options)
        var wait = ReadWait(length: wanted, policy: policy, now: now)
        let action = wait.handle(.verified(verified), now: now)
        guard action == .wait else {
            perform(action, read)
            return
        }
        switch waits.insert(read, wait) {
        case .full: fail(read, .jukebox)
        case .duplicate: break
        case .inserted(let id):
            guard let context else { return }
            let loop = context.eventLoop
            let bound = NIOLoopBound(self, eventLoop: loop)
            let token = read.file.wait(for: read.range) { availability in
                loop.execute { bound.value.hear(availability, about: id) }
            }
            waits.setToken(token, of: id)
            arm(for: waits.deadline(of: id), now: now)
        }
    }

    private func hear(_ availability: FileAvailability, about id: ReadWaits.ID) {
        let event: ReadWait.Event =
            switch availability {
            case .verified(let count): .verified(count)
            case .removed: .removed
            case .failed: .failed
            }
        let now = ContinuousClock.now
        guard let (action, read) = waits.handle(event, of: id, now: now) else { return }
        perform(action, read)
        arm(for: waits.deadline(of: id), now: now)
        send()
    }

    private func perform(_ action: ReadWait.Action, _ read: ReadCall) {
        switch action {
        case .wait: break
        case .report: service.reportWait(of: read, from: caller.address)
        case .answer(let count): queue.put(ReplyQueue.Read(call: read, count: count))
        case .tryLater: fail(read, .jukebox)
        case .stale: fail(read, .stale)
        case .fail: fail(read, .io)
        }
    }

    func fail(_ read: ReadCall, _ error: FileReadError) {
        switch error {
        case .removed: fail(read, .stale)
        // Evicted since it was looked at: it is waited for again, but once; then the client may come
        // again.
        case .notVerified where !read.isAnew && !isClosed:
            var anew = read
            anew.isAnew = true
            start(anew)
        case .notVerified: fail(read, .jukebox)
        case .storage(let text):
            service.reportFailure(of: read, "reading failed", text)
            fail(read, .io)
        }
    }

    func fail(_ read: ReadCall, _ status: NFS3Status) {
        RPCReply.encodeSuccessRecord(
            xid: read.xid,
            results: READ3Result.failure(status, read.attributes),
            into: &queue.replies
        )
    }

    // MARK: Timers

    /// One timer serves all waiting READs: it is set to the earliest deadline, and a little behind
    /// it, so that those of one burst are found at once.
    private func arm(for deadline: ContinuousClock.Instant?, now: ContinuousClock.Instant) {
        guard let context, let deadline else { return }
        if let waitTimer, waitTimer.deadline <= deadline { return }
        waitTimer?.task.cancel()
        let delay = TimeAmount(deadline - now) + .milliseconds(10)
        let task = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.waitTimer = nil
            let now = ContinuousClock.now
            for (action, read) in self.waits.handleTimer(now: now) { self.perform(action, read) }
            self.arm(for: self.waits.earliestDeadline, now: now)
            self.send()
        }
        waitTimer = (deadline, task)
    }

    /// Closes the connection if no record is completed in time once one has begun.
    private func watchPartialRecord(_ context: ChannelHandlerContext) {
        guard decoder.hasPartialRecord, partialRecordTimer == nil else { return }
        let seen = completedRecords
        let delay = TimeAmount(service.limits.partialRecordTimeout)
        partialRecordTimer = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.partialRecordTimer = nil
            guard self.decoder.hasPartialRecord, let context = self.context else { return }
            // While nothing is read from it, the client cannot complete anything.
            if self.completedRecords == seen, !self.isReadSuppressed {
                self.service.reportAbuse(
                    "connection closed: unfinished record",
                    from: self.caller.address
                )
                self.close()
            } else {
                self.watchPartialRecord(context)
            }
        }
    }
}
