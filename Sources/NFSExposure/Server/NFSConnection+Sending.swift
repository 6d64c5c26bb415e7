import NFSProtocol
import NIOCore
import ONCRPC
import VirtualTree

// The way out: as much as the client takes, and nothing in memory that it does not.
extension NFSConnection {
    /// Replies of more bytes than this are not copied to make room behind them.
    private static let movedReplyLimit = 4096
    /// Room for many small READs, which leave together.
    private static let roomForReads = 64 * 1024
    /// More than header, attributes and padding of a READ.
    private static let readOverhead = 192

    private var limits: NFSLimits { service.limits }

    /// Sends what there is in the order of the queue, until the client takes no more or other
    /// connections of the loop have their turn.
    func send() {
        guard !isSending else { return }
        isSending = true
        var left = limits.turnByteCount
        steps: while !isClosed {
            let mayRead = diskReadBytes < limits.diskReadBytes
            switch queue.next(mayRead: mayRead, isTurn: left > 0) {
            case .perform(let deferred): perform(deferred.call, deferred.arguments)
            case .begin(let read): left -= begin(read)
            case .goOn(let record): left -= goOn(record)
            case .sendReplies: write(queue.takeReplies())
            case .none: break steps
            }
        }
        isSending = false
        if left <= 0, !queue.isBlocked, queue.hasReads { sendLater() }
        resumeReading()
    }

    private func sendLater() {
        guard let context, !isClosed else { return }
        context.eventLoop.assumeIsolated().execute { self.send() }
    }

    /// - Returns: bytes of data that were sent.
    private func begin(_ read: ReplyQueue.Read) -> Int {
        if let payload = read.payload { return send(payload, for: read) }
        let range = read.range
        let part = range.prefix(service.chunkByteCount(for: caller))
        guard makeRoom(for: part.count, before: read) else { return 0 }
        let start = queue.replies.writerIndex
        let paddingByteCount = writeHeader(of: read)
        var hold: (any FileHold)?
        do throws(FileReadError) {
            guard try read.call.file.readIfCached(part, into: &queue.replies) else {
                queue.replies.moveWriterIndex(to: start)
                load(read)
                return 0
            }
            if part != range {
                hold = read.call.file.hold(part.upperBound..<range.upperBound)
                if hold == nil { throw .notVerified }
            }
        } catch {
            queue.replies.moveWriterIndex(to: start)
            fail(read.call, error)
            return 0
        }
        note(read)
        if let hold {
            queue.openRecord = ReplyQueue.OpenRecord(
                call: read.call,
                rest: part.upperBound..<range.upperBound,
                paddingByteCount: paddingByteCount,
                hold: hold
            )
            write(queue.takeReplies())
        } else {
            queue.replies.writeRepeatingByte(0, count: paddingByteCount)
        }
        return part.count
    }

    /// Takes the next part of a READ from the page cache, right before it is sent: the processor
    /// still has it at hand then, and a client that takes nothing costs one part.
    private func goOn(_ record: ReplyQueue.OpenRecord) -> Int {
        let part = record.rest.prefix(service.chunkByteCount(for: caller))
        var bytes = ByteBufferAllocator().buffer(capacity: part.count)
        do throws(FileReadError) {
            guard try record.call.file.readIfCached(part, into: &bytes) else {
                try loadRest(of: record)
                return 0
            }
        } catch {
            giveUp(record, error)
            return 0
        }
        if part == record.rest {
            finish(record, with: bytes)
        } else {
            queue.openRecord?.rest = part.upperBound..<record.rest.upperBound
            write(bytes)
        }
        return part.count
    }

    private func finish(_ record: ReplyQueue.OpenRecord, with bytes: ByteBuffer) {
        var bytes = bytes
        bytes.writeRepeatingByte(0, count: record.paddingByteCount)
        queue.openRecord = nil
        write(bytes)
    }

    /// A record that has begun cannot become an error: its client has to come again.
    private func giveUp(_ record: ReplyQueue.OpenRecord, _ error: FileReadError) {
        service.reportFailure(
            of: record.call,
            "connection closed: the rest of a READ cannot be read",
            "\(error)"
        )
        close()
    }

    /// - Returns: zero bytes that must follow the data.
    private func writeHeader(of read: ReplyQueue.Read) -> Int {
        let attributes = read.call.attributes
        let header = READ3Header(
            attributes: attributes,
            count: UInt32(read.count),
            isEndOfFile: read.range.upperBound >= attributes.size
        )
        RPCReply.encodeSuccessRecord(
            xid: read.call.xid,
            results: READ3Result.success(header),
            payloadByteCount: header.payloadByteCount,
            into: &queue.replies
        )
        return header.paddingByteCount
    }

    /// - Returns: false if what stood in the way has filled the socket; the READ is put back.
    private func makeRoom(for byteCount: Int, before read: ReplyQueue.Read) -> Bool {
        let needed = byteCount + Self.readOverhead
        if queue.replies.writableBytes >= needed { return true }
        if queue.replies.readableBytes > Self.movedReplyLimit {
            write(queue.takeReplies())
            if queue.isBlocked {
                queue.putFirst(read)
                return false
            }
        }
        queue.replies.reserveCapacity(
            minimumWritableBytes: max(needed, Self.roomForReads - queue.replies.readableBytes)
        )
        return true
    }

    // MARK: What the page cache does not have

    /// Lets a disk thread read ahead of the READ's turn.
    private func load(_ read: ReplyQueue.Read) {
        guard let context else { return }
        // Clients ask again for what lacks, and then others may have taken their replies.
        let count = service.isCrowded ? min(read.count, limits.crowdedReadByteCount) : read.count
        let read = ReplyQueue.Read(call: read.call, count: count)
        let future: EventLoopFuture<ByteBuffer>
        do throws(FileReadError) {
            future = try read.call.file.read(read.range, on: context.eventLoop)
        } catch {
            fail(read.call, error)
            return
        }
        diskReadBytes += Int(count)
        future.hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
            self.diskReadBytes -= Int(count)
            switch result {
            case .success(let payload) where payload.readableBytes == Int(count):
                guard !self.isClosed else { return }
                self.service.hold(Int(count))
                self.queue.putFirst(
                    ReplyQueue.Read(call: read.call, count: count, payload: payload)
                )
            case .success: self.fail(read.call, .io)
            case .failure(let error):
                self.fail(read.call, error as? FileReadError ?? .storage("\(error)"))
            }
            self.send()
        }
    }

    private func loadRest(of record: ReplyQueue.OpenRecord) throws(FileReadError) {
        guard let context else { return }
        let future = try record.call.file.read(record.rest, on: context.eventLoop)
        queue.awaitsDisk = true
        future.hop(to: context.eventLoop).assumeIsolated().whenComplete { result in
            self.queue.awaitsDisk = false
            guard !self.isClosed else { return }
            switch result {
            case .success(let bytes) where bytes.readableBytes == record.rest.count:
                self.finish(record, with: bytes)
            case .success: self.giveUp(record, .storage("too few bytes"))
            case .failure(let error):
                self.giveUp(record, error as? FileReadError ?? .storage("\(error)"))
            }
            self.send()
        }
    }

    /// Sends what a disk thread has read.
    private func send(_ payload: ByteBuffer, for read: ReplyQueue.Read) -> Int {
        service.release(payload.readableBytes)
        note(read)
        let paddingByteCount = writeHeader(of: read)
        context?.write(Self.wrapOutboundOut(queue.takeReplies()), promise: nil)
        queue.replies.writeRepeatingByte(0, count: paddingByteCount)
        write(payload)
        return payload.readableBytes
    }

    // MARK: The socket

    /// Hands bytes to the socket, and blocks the queue until the client has taken them.
    private func write(_ bytes: ByteBuffer) {
        guard let context else { return }
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
        let options = context.channel.syncOptions
        guard let unsent = try? options?.getOption(.bufferedWritableBytes), unsent > 0 else {
            return
        }
        queue.isBlocked = true
        // A buffer is there as a whole until its last byte has been sent.
        heldBytes = max(unsent, bytes.readableBytes)
        service.hold(heldBytes)
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenComplete { result in
            self.service.release(self.heldBytes)
            self.heldBytes = 0
            guard case .success = result else { return }
            self.queue.isBlocked = false
            self.send()
        }
        // Nothing, which is sent when all before it is.
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer()), promise: sent)
    }
}

extension Range<UInt64> {
    /// The first `count` numbers, or all.
    fileprivate func prefix(_ count: Int) -> Range<UInt64> {
        lowerBound..<Swift.min(upperBound, lowerBound + UInt64(count))
    }
}
