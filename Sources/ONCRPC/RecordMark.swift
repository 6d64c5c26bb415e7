package import NIOCore

/// The four bytes before a record that is sent as one fragment (RFC 5531 section 11).
///
/// Reserved before the record is written and set when its size is known.
package struct RecordMark {
    private let index: Int

    package init(reservedIn buffer: inout ByteBuffer) {
        index = buffer.writerIndex
        buffer.writeInteger(0 as UInt32)
    }

    /// Ends the record: it is what was written to `buffer` since, and `payloadByteCount` bytes
    /// that are sent after the buffer (data and their padding).
    package func set(in buffer: inout ByteBuffer, payloadByteCount: Int = 0) {
        let length = buffer.writerIndex - index - 4 + payloadByteCount
        precondition(length < 0x8000_0000, "A fragment holds at most 2^31 - 1 bytes.")
        buffer.setInteger(0x8000_0000 | UInt32(length), at: index)
    }
}
