import NIOCore
import ONCRPC
import VirtualTree

/// What a connection has still to send, and in which order.
///
/// Replies from memory come before the data of READs: who asks for attributes waits for the rest of
/// one READ at most, not for all that were asked for before. A READ that waits for its turn is a
/// value without data, which is taken from the page cache as the client takes it.
struct ReplyQueue {
    /// A READ whose first `count` bytes are there.
    struct Read {
        let call: ReadCall
        let count: UInt64
        /// What a disk thread has read; `nil` if the page cache is to be asked.
        var payload: ByteBuffer?

        var range: Range<UInt64> {
            call.range.lowerBound..<call.range.lowerBound + count
        }
    }

    /// A READ of whose data a part has been sent; nothing else can be sent before the rest.
    struct OpenRecord {
        let call: ReadCall
        var rest: Range<UInt64>
        /// Zero bytes behind the data.
        let paddingByteCount: Int
        let hold: any FileHold
    }

    /// A call that is performed once the client has taken replies.
    struct DeferredCall {
        let call: RPCCall
        let arguments: ByteBuffer
    }

    enum Step {
        case perform(DeferredCall)
        case begin(Read)
        case goOn(OpenRecord)
        case sendReplies
        /// There is nothing, or it must wait.
        case none
    }

    /// Whole records.
    var replies = ByteBuffer()
    var openRecord: OpenRecord?
    /// The client has not taken what the socket was handed.
    var isBlocked = false
    /// A disk thread reads the rest of the open record.
    var awaitsDisk = false
    /// Of replies, beyond which calls are put off.
    private let replyByteLimit: Int
    private var calls = CircularBuffer<DeferredCall>()
    private var reads = CircularBuffer<Read>()

    init(replyByteLimit: Int) {
        self.replyByteLimit = replyByteLimit
    }

    /// Calls that were put off, and READs that wait for their turn.
    var count: Int { calls.count + reads.count }

    var hasReads: Bool { openRecord != nil || !reads.isEmpty }

    /// Whether a call must be put off, or its reply would be one too many.
    var isFull: Bool {
        (isBlocked || openRecord != nil) && replies.readableBytes >= replyByteLimit
    }

    mutating func put(_ call: RPCCall, _ arguments: ByteBuffer) {
        // A copy, or a few bytes would hold all that was received with them.
        let copy = arguments.withUnsafeReadableBytes { ByteBuffer(bytes: $0) }
        calls.append(DeferredCall(call: call, arguments: copy))
    }

    mutating func put(_ read: Read) { reads.append(read) }

    /// Puts a READ where it is next.
    mutating func putFirst(_ read: Read) { reads.prepend(read) }

    /// - Parameters:
    ///   - mayRead: whether a READ may begin.
    ///   - isTurn: whether data may be sent.
    mutating func next(mayRead: Bool, isTurn: Bool) -> Step {
        if isBlocked || awaitsDisk { return .none }
        if let openRecord { return isTurn ? .goOn(openRecord) : .none }
        if replies.readableBytes < replyByteLimit, let call = calls.popFirst() {
            return .perform(call)
        }
        if mayRead, isTurn, let read = reads.popFirst() { return .begin(read) }
        return replies.readableBytes > 0 ? .sendReplies : .none
    }

    mutating func takeReplies() -> ByteBuffer {
        defer { replies = ByteBuffer() }
        return replies
    }

    /// Forgets everything.
    ///
    /// - Returns: bytes of data that were in memory.
    mutating func removeAll() -> Int {
        let byteCount = reads.reduce(0) { $0 + ($1.payload?.readableBytes ?? 0) }
        self = ReplyQueue(replyByteLimit: replyByteLimit)
        return byteCount
    }
}
