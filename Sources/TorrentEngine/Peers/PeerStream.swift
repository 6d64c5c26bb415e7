import BitTorrentProtocol
import NIOCore

/// Cuts the bytes of a connection into messages.
///
/// A read holds many blocks and ends in the middle of one. Only that one is copied together; the
/// payload of the others shares the memory of the read.
struct PeerStream {
    /// The beginning of a message whose end has not arrived.
    private var partial = ByteBuffer()
    private let decoder = PeerMessageDecoder()

    /// Hands each message that is complete with `bytes` to `body`.
    mutating func append(
        _ bytes: ByteBuffer,
        _ body: (PeerMessage) -> Void
    ) throws(PeerWireError) {
        var bytes = bytes
        while partial.readableBytes > 0, bytes.readableBytes > 0 {
            try completePartial(from: &bytes, body)
        }
        while let message = try decoder.decode(&bytes) { body(message) }
        if bytes.readableBytes > 0 { partial.writeImmutableBuffer(bytes) }
    }

    private mutating func completePartial(
        from bytes: inout ByteBuffer,
        _ body: (PeerMessage) -> Void
    ) throws(PeerWireError) {
        let prefix = partial.getInteger(at: partial.readerIndex, as: UInt32.self)
        // Up to the id the decoder has not checked the length.
        let end = partial.readableBytes < 5 ? 5 : 4 + Int(prefix ?? 0)
        let missing = prefix == 0 ? 0 : max(1, end - partial.readableBytes)
        if var part = bytes.readSlice(length: min(missing, bytes.readableBytes)) {
            partial.writeBuffer(&part)
        }
        if let message = try decoder.decode(&partial) {
            body(message)
            if partial.readableBytes == 0 { partial = ByteBuffer() }
        }
    }
}
