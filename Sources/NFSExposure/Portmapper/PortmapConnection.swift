import NIOCore
import ONCRPC

/// One TCP connection to the portmapper: a call or two, then the client hangs up.
final class PortmapConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// No call to the portmapper has more bytes that matters.
    private static let recordByteCount = 16 * 1024

    private let program: PortmapProgram
    private let transport: RPCBind.Transport
    private let host: String
    private var decoder = RecordDecoder(maximumRecordSize: recordByteCount)

    init(program: PortmapProgram, transport: RPCBind.Transport, host: String) {
        self.program = program
        self.transport = transport
        self.host = host
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        decoder.append(unwrapInboundIn(data))
        var replies = ByteBuffer()
        do throws(RecordError) {
            while let record = try decoder.nextRecord() { answer(record, into: &replies, context) }
        } catch {
            context.close(promise: nil)
            return
        }
        guard replies.readableBytes > 0 else { return }
        // Who asks and asks and reads no answer is no client.
        guard context.channel.isWritable else { return context.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(replies), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is IdleStateHandler.IdleStateEvent {
            context.close(promise: nil)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func answer(
        _ record: ByteBuffer,
        into replies: inout ByteBuffer,
        _ context: ChannelHandlerContext
    ) {
        var arguments = record
        do throws(RPCRejection) {
            let call = try RPCCall(consuming: &arguments)
            let arrival = PortmapProgram.Arrival(transport: transport, host: host, time: .now)
            guard var reply = program.answer(call, arguments: arguments, arrival) else { return }
            let mark = RecordMark(reservedIn: &replies)
            replies.writeBuffer(&reply)
            mark.set(in: &replies)
        } catch {
            guard case .reply(let xid, let reply) = error else {
                return context.close(promise: nil)
            }
            reply.encodeRecord(xid: xid, into: &replies)
        }
    }
}
