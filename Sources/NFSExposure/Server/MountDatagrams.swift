import NFSProtocol
import NIOCore
import ONCRPC

/// MOUNT over UDP: one datagram, one reply; silence for what is no call.
final class MountDatagrams: ChannelInboundHandler {
    typealias InboundIn = AddressedEnvelope<ByteBuffer>
    typealias OutboundOut = AddressedEnvelope<ByteBuffer>

    /// A longer reply may not arrive, and a forged sender must not be flooded with it.
    private static let replyLimit = 16 * 1024

    private let service: NFSService

    init(service: NFSService) {
        self.service = service
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let envelope = Self.unwrapInboundIn(data)
        guard let peer = IPAddress(envelope.remoteAddress),
            let reply = reply(to: envelope, of: peer)
        else { return }
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

    private func reply(
        to envelope: AddressedEnvelope<ByteBuffer>,
        of peer: IPAddress
    ) -> ByteBuffer? {
        var arguments = envelope.data
        let call: RPCCall
        do throws(RPCRejection) {
            call = try RPCCall(consuming: &arguments)
        } catch {
            guard case .reply(let xid, let reply) = error else { return nil }
            return message(reply, xid: xid)
        }
        guard call.program == ProgramNumber.mount else {
            return message(.programUnavailable, xid: call.xid)
        }
        guard call.version == 1 || call.version == 3 else {
            return message(.programMismatch(low: 1, high: 3), xid: call.xid)
        }
        let caller = Caller(
            address: peer,
            port: envelope.remoteAddress.port ?? 0,
            service: service
        )
        let reply = MountProgram(service: service).answer(
            call,
            arguments: arguments,
            caller: caller
        )
        return reply.readableBytes <= Self.replyLimit
            ? reply : message(.systemError, xid: call.xid)
    }

    private func message(_ reply: RPCReply, xid: UInt32) -> ByteBuffer {
        var buffer = ByteBuffer()
        reply.encode(xid: xid, into: &buffer)
        return buffer
    }
}
