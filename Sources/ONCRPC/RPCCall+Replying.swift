package import NIOCore

extension RPCCall {
    /// A whole reply message, without a record mark.
    package func reply(_ results: some XDREncodable) -> ByteBuffer {
        var buffer = ByteBuffer()
        RPCReply.success.encode(xid: xid, into: &buffer)
        buffer.writeXDR(results)
        return buffer
    }

    /// A reply without results, as a whole message without a record mark.
    package func refusal(_ reply: RPCReply) -> ByteBuffer {
        var buffer = ByteBuffer()
        reply.encode(xid: xid, into: &buffer)
        return buffer
    }
}
