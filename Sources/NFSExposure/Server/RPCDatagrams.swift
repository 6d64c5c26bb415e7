import NIOCore
import ONCRPC

/// RPC over UDP: one datagram, one reply; silence for what is no call.
final class RPCDatagrams: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>
    /// Encodes the reply to a call with these arguments, from there; `nil` for silence.
    typealias Answer = @Sendable (RPCCall, ByteBuffer, SocketAddress) -> ByteBuffer?

    /// A longer reply may not arrive, and a forged sender must not be flooded with it.
    private static let replyLimit = 16 * 1024

    private let answer: Answer

    init(answer: @escaping Answer) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = Self.unwrapInboundIn(data)
        guard let reply = reply(to: envelope) else { return }
        context.write(
            Self.wrapOutboundOut(
                AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: reply)
            ),
            promise: nil
        )
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        context.flush()
    }

    private func reply(to envelope: AddressedEnvelope<ByteBuffer>) -> ByteBuffer? {
        var arguments = envelope.data
        let call: RPCCall
        do throws(RPCRejection) {
            call = try RPCCall(consuming: &arguments)
        } catch {
            guard case .reply(let xid, let reply) = error else { return nil }
            return message(reply, xid: xid)
        }
        guard let reply = answer(call, arguments, envelope.remoteAddress) else { return nil }
        return reply.readableBytes <= Self.replyLimit
            ? reply : message(.systemError, xid: call.xid)
    }

    private func message(_ reply: RPCReply, xid: UInt32) -> ByteBuffer {
        var buffer = ByteBuffer()
        reply.encode(xid: xid, into: &buffer)
        return buffer
    }
}
