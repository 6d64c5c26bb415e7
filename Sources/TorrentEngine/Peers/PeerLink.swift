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

    private var gathered = ByteBuffer()
    private var hasUnflushed = false

    init(channel: any Channel, address: PeerAddress, isIncoming: Bool) {
        self.channel = channel
        self.address = address
        self.isIncoming = isIncoming
    }

    func send(_ message: PeerMessage) { message.encode(into: &gathered) }

    /// - Returns: completes on the channel's event loop once the socket has taken the payload, or
    ///   will take no more.
    func send(_ payload: ByteBuffer, of block: Block) -> EventLoopFuture<Void> {
        PeerMessage.encodePieceHeader(
            piece: block.piece.rawValue,
            offset: block.offset,
            payloadByteCount: payload.readableBytes,
            into: &gathered
        )
        writeGathered()
        hasUnflushed = true
        return channel.write(payload)
    }

    func flush() {
        writeGathered()
        guard hasUnflushed else { return }
        hasUnflushed = false
        channel.flush()
    }

    private func writeGathered() {
        guard gathered.readableBytes > 0 else { return }
        let bytes = gathered
        gathered = ByteBuffer()
        hasUnflushed = true
        channel.write(bytes, promise: nil)
    }
}
