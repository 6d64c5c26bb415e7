import NIOCore
import ONCRPC

/// What a connection puts off until its client has taken replies.
enum DeferredReply {
    case call(RPCCall, arguments: ByteBuffer)
    /// The first `count` bytes of a READ that has waited for them.
    case bytes(ReadCall, count: UInt64)
}
