import Logging
import NFSProtocol
import NIOCore
import ONCRPC
import VirtualTree

/// One TCP connection: records in, replies out in any order.
///
/// Confined to its event loop.
///
/// What memory can answer is answered within `channelRead` and flushed once per read burst. A READ
/// that waits for peers is a value in a table: no task, no buffer and no timer of its own.
final class NFSConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Payloads up to here are copied behind their header: cheaper than a buffer of their own.
    private static let copiedPayloadLimit = 16 * 1024

    private let service: NFSService
    private let nfs: NFS3Program
    private let caller: Caller
    private var decoder: RecordDecoder
    private var waits: ReadWaits
    private var context: ChannelHandlerContext?

    /// Replies that were not handed to the channel yet.
    private var replies = ByteBuffer()
    /// What waits until the client has taken replies.
    private var deferred = CircularBuffer<DeferredReply>()
    private var smallReplyBytes = 0
    private var diskReadBytes = 0
    private var isReadSuppressed = false
    private var needsFlush = false
    /// Nothing that came before the end is looked at after it.
    private var isClosed = false

    private var completedRecords = 0
    private var partialRecordTimer: Scheduled<Void>?
    private var waitTimer: (deadline: ContinuousClock.Instant, task: Scheduled<Void>)?

    init(service: NFSService, peer: IPAddress, port: Int) {
        self.service = service
        nfs = NFS3Program(service: service)
        caller = Caller(address: peer, port: port, service: service)
        decoder = RecordDecoder(maximumRecordSize: service.limits.recordByteCount)
        waits = ReadWaits(limit: service.limits.waitingReads)
    }

    // MARK: Channel events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        replies.reserveCapacity(1024)
        caller.refresh(from: service)
        decoder.append(Self.unwrapInboundIn(data))
        do throws(RecordError) {
            while !isClosed, let record = try decoder.nextRecord() {
                completedRecords += 1
                try take(record)
            }
        } catch {
            service.reportAbuse("connection closed: \(error)", from: caller.address)
            close()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        flushReplies()
        watchPartialRecord(context)
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            smallReplyBytes = 0
            performDeferred()
        }
        context.fireChannelWritabilityChanged()
    }

    /// Reading goes on while calls can be put off, since clients drop a server that reads nothing.
    func read(context: ChannelHandlerContext) {
        if deferred.count >= service.limits.deferredCalls {
            isReadSuppressed = true
        } else {
            context.read()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        partialRecordTimer?.cancel()
        waitTimer?.task.cancel()
        for waiting in waits.removeAll() { waiting.end() }
        deferred.removeAll()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        service.logger.debug(
            "connection failed",
            metadata: ["peer": "\(caller.address)", "error": "\(error)"]
        )
        close()
    }

    private func close() {
        isClosed = true
        context?.close(promise: nil)
    }

    // MARK: Calls

    private func take(_ record: ByteBuffer) throws(RecordError) {
        var arguments = record
        let call: RPCCall
        do throws(RPCRejection) {
            call = try RPCCall(consuming: &arguments)
        } catch {
            switch error {
            case .reply(let xid, let reply): reply.encodeRecord(xid: xid, into: &replies)
            case .notACall, .truncated:
                service.reportAbuse("record that is no call", from: caller.address)
                close()
            }
            return
        }
        if mustDefer(call) {
            // A copy, or a few bytes would hold all that was received with them.
            let copy = arguments.withUnsafeReadableBytes { ByteBuffer(bytes: $0) }
            deferred.append(.call(call, arguments: copy))
            return
        }
        perform(call, arguments)
    }

    private func mustDefer(_ call: RPCCall) -> Bool {
        if smallReplyBytes > service.limits.smallReplyBytes { return true }
        guard call.program == ProgramNumber.nfs, call.procedure == NFS3Procedure.read.rawValue
        else { return false }
        return !deferred.isEmpty || !canTakeRead
    }

    private var canTakeRead: Bool {
        diskReadBytes < service.limits.diskReadBytes && context?.channel.isWritable == true
    }

    private func performDeferred() {
        while canTakeRead, smallReplyBytes <= service.limits.smallReplyBytes,
            let next = deferred.popFirst()
        {
            switch next {
            case .call(let call, let arguments): perform(call, arguments)
            case .bytes(let read, let count): serve(read, count: count)
            }
        }
        flushReplies()
        if isReadSuppressed, deferred.count <= service.limits.deferredCalls / 2 {
            isReadSuppressed = false
            context?.read()
        }
    }

    private func perform(_ call: RPCCall, _ arguments: ByteBuffer) {
        let before = replies.readableBytes
        switch (call.program, call.version) {
        case (ProgramNumber.nfs, 3):
            let read = nfs.answer(
                call,
                arguments: arguments,
                caller: caller,
                replies: &replies
            )
            if let read { start(read) }
        case (ProgramNumber.nfs, _):
            RPCReply.programMismatch(low: 3, high: 3).encodeRecord(xid: call.xid, into: &replies)
        default:
            var message = service.answer(call, arguments: arguments, caller: caller)
            let mark = RecordMark(reservedIn: &replies)
            replies.writeBuffer(&message)
            mark.set(in: &replies)
        }
        // Or one burst of calls could make replies without an end: what is written counts.
        if replies.readableBytes >= service.limits.queuedReplyBytes.high { writeReplies() }
        if context?.channel.isWritable == false {
            smallReplyBytes += max(0, replies.readableBytes - before)
        }
    }

    // MARK: READ

    private func start(_ read: ReadCall) {
        read.file.noteRead(read.range, by: caller.client)
        let wanted = UInt64(read.range.count)
        let verified = read.file.verifiedPrefix(of: read.range)
        if verified >= wanted {
            serve(read, count: wanted)
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
        flushReplies()
    }

    private func perform(_ action: ReadWait.Action, _ read: ReadCall) {
        switch action {
        case .wait: break
        case .report: service.reportWait(of: read, from: caller.address)
        // As many bytes as the client has asked for may have come at once.
        case .answer(let count) where !canTakeRead: deferred.append(.bytes(read, count: count))
        case .answer(let count): serve(read, count: count)
        case .tryLater: fail(read, .jukebox)
        case .stale: fail(read, .stale)
        case .fail: fail(read, .io)
        }
    }

    /// Sends the first `count` bytes of the range, which are verified.
    private func serve(_ read: ReadCall, count: UInt64) {
        guard let context else { return }
        let range = read.range.lowerBound..<read.range.lowerBound + count
        let bytes: FileBytes
        do throws(FileReadError) {
            bytes = try read.file.read(range, on: context.eventLoop)
        } catch {
            fail(read, error)
            return
        }
        switch bytes {
        case .ready(let payload): send(payload, for: read, expected: count)
        case .later(let future):
            diskReadBytes += Int(count)
            future.hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
                self.diskReadBytes -= Int(count)
                switch result {
                case .success(let payload): self.send(payload, for: read, expected: count)
                case .failure(let error):
                    self.fail(read, error as? FileReadError ?? .storage("\(error)"))
                }
                self.performDeferred()
            }
        }
    }

    private func send(_ payload: ByteBuffer, for read: ReadCall, expected: UInt64) {
        guard let context, payload.readableBytes == Int(expected) else {
            fail(read, .io)
            return
        }
        let attributes = read.attributes
        let header = READ3Header(
            attributes: attributes,
            count: UInt32(expected),
            isEndOfFile: read.range.lowerBound + expected >= attributes.size
        )
        RPCReply.encodeSuccessRecord(
            xid: read.xid,
            results: READ3Result.success(header),
            payloadByteCount: header.payloadByteCount,
            into: &replies
        )
        if payload.readableBytes <= Self.copiedPayloadLimit {
            replies.writeImmutableBuffer(payload)
        } else {
            writeReplies()
            context.write(Self.wrapOutboundOut(payload), promise: nil)
            needsFlush = true
        }
        replies.writeRepeatingByte(0, count: header.paddingByteCount)
    }

    private func fail(_ read: ReadCall, _ error: FileReadError) {
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
            service.logger.error(
                "reading failed",
                metadata: ["file": "\(read.file.id)", "error": "\(text)"]
            )
            fail(read, .io)
        }
    }

    private func fail(_ read: ReadCall, _ status: NFS3Status) {
        RPCReply.encodeSuccessRecord(
            xid: read.xid,
            results: READ3Result.failure(status, read.attributes),
            into: &replies
        )
    }

    // MARK: Output

    private func writeReplies() {
        guard let context, replies.readableBytes > 0 else { return }
        context.write(Self.wrapOutboundOut(replies), promise: nil)
        replies = ByteBuffer()
        needsFlush = true
    }

    private func flushReplies() {
        writeReplies()
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    // MARK: Timers

    /// One timer serves all waiting READs: it is set to the earliest deadline.
    private func arm(for deadline: ContinuousClock.Instant?, now: ContinuousClock.Instant) {
        guard let context, let deadline else { return }
        if let waitTimer, waitTimer.deadline <= deadline { return }
        waitTimer?.task.cancel()
        let delay = TimeAmount(deadline - now)
        let task = context.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            self.waitTimer = nil
            let now = ContinuousClock.now
            for (action, read) in self.waits.handleTimer(now: now) { self.perform(action, read) }
            self.arm(for: self.waits.earliestDeadline, now: now)
            self.flushReplies()
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
