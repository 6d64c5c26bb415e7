import BitTorrentProtocol
import NIOCore

/// A torrent's end of a connection to a peer: what is to be sent gathers here until the burst that
/// caused it is over, and then leaves with one flush.
struct PeerLink {
    let channel: any Channel
    /// The remote end of the socket.
    let address: PeerAddress
    let isIncoming: Bool

    private var small = ByteBuffer()
    private var hasUnflushed = false

    init(channel: any Channel, address: PeerAddress, isIncoming: Bool) {
        self.channel = channel
        self.address = address
        self.isIncoming = isIncoming
    }

    mutating func send(_ message: PeerMessage) { message.encode(into: &small) }

    /// - Returns: completes on the channel's event loop once the socket has taken the payload, or
    ///   will take no more.
    mutating func send(_ payload: ByteBuffer, of block: Block) -> EventLoopFuture<Void> {
        PeerMessage.encodePieceHeader(
            piece: block.piece.rawValue,
            offset: block.offset,
            payloadByteCount: payload.readableBytes,
            into: &small
        )
        writeSmall()
        hasUnflushed = true
        return channel.write(payload)
    }

    mutating func flush() {
        writeSmall()
        guard hasUnflushed else { return }
        hasUnflushed = false
        channel.flush()
    }

    private mutating func writeSmall() {
        guard small.readableBytes > 0 else { return }
        channel.write(small, promise: nil)
        small = ByteBuffer()
        hasUnflushed = true
    }
}
