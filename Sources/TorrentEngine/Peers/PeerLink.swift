import BitTorrentProtocol
import NIOCore

/// A torrent's end of a connection to a peer: what is to be sent gathers here until the turn that
/// caused it is over, and then leaves with one flush.
///
/// A class, because a flush may end the connection and with it the link, while it is in use.
final class PeerLink {
    let channel: any Channel
    /// Where we dialled; of an incoming connection the remote end of the socket.
    let address: PeerAddress
    let isIncoming: Bool

    /// Messages since the last payload.
    private var gathered = ByteBuffer()
    /// What is before them, in order.
    private var buffers: [ByteBuffer] = []
    /// Completes when the last of `buffers` is written.
    private var written: EventLoopPromise<Void>?
    private var isMarked = false

    init(channel: any Channel, address: PeerAddress, isIncoming: Bool) {
        self.channel = channel
        self.address = address
        self.isIncoming = isIncoming
    }

    /// - Returns: false if it was marked since the last flush.
    func marksUnflushed() -> Bool {
        defer { isMarked = true }
        return !isMarked
    }

    func send(_ message: PeerMessage) { message.encode(into: &gathered) }

    /// Sends blocks as `piece` messages.
    ///
    /// - Parameters:
    ///   - payload: of all of them, one behind the other.
    ///   - blocks: not none.
    /// - Returns: completes on the channel's event loop once the socket has taken the payload, or
    ///   will take no more.
    func send(_ payload: ByteBuffer, of blocks: [Block]) -> EventLoopFuture<Void> {
        takeGathered()
        var headers = channel.allocator.buffer(
            capacity: blocks.count * PeerMessage.pieceHeaderByteCount
        )
        for block in blocks {
            PeerMessage.encodePieceHeader(
                piece: block.piece.rawValue,
                offset: block.offset,
                payloadByteCount: Int(block.length),
                into: &headers
            )
        }
        var payload = payload
        for block in blocks {
            guard let header = headers.readSlice(length: PeerMessage.pieceHeaderByteCount),
                let bytes = payload.readSlice(length: Int(block.length))
            else { break }
            buffers.append(header)
            buffers.append(bytes)
        }
        let written = written ?? channel.eventLoop.makePromise(of: Void.self)
        self.written = written
        return written.futureResult
    }

    func flush() {
        isMarked = false
        takeGathered()
        guard !buffers.isEmpty else { return }
        let (buffers, written, channel) = (buffers, written, channel)
        self.buffers = []
        self.written = nil
        // One hop for all of it, if it is another loop's connection.
        if channel.eventLoop.inEventLoop {
            Self.write(buffers, written, to: channel)
        } else {
            channel.eventLoop.execute { Self.write(buffers, written, to: channel) }
        }
    }

    private static func write(
        _ buffers: [ByteBuffer],
        _ written: EventLoopPromise<Void>?,
        to channel: any Channel
    ) {
        for buffer in buffers.dropLast() { channel.write(buffer, promise: nil) }
        channel.writeAndFlush(buffers[buffers.count - 1], promise: written)
    }

    private func takeGathered() {
        guard gathered.readableBytes > 0 else { return }
        buffers.append(gathered)
        gathered = ByteBuffer()
    }
}
