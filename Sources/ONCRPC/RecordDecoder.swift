package import NIOCore

/// Why a byte stream is not a sequence of records that this server would hold in memory.
///
/// The stream cannot be resumed: close the connection.
package enum RecordError: Error, Equatable {
    /// A record, or the sum of its fragments so far, claims more bytes than allowed.
    case tooLarge(claimed: Int, limit: Int)
    case tooManyFragments(limit: Int)
    /// A record of no bytes holds no message.
    case empty
}

/// Fragments to records (RFC 5531 section 11: record marking).
///
/// A record of one fragment, the usual one, is a slice of what was received. Sizes are compared
/// with the limit as soon as they are claimed, and memory grows only by bytes that have arrived.
package struct RecordDecoder {
    private let maximumRecordSize: Int
    private let maximumFragmentCount: Int
    private var received = ByteBuffer()
    /// The fragments before the current one, of a record that has several.
    private var joined = ByteBuffer()
    private var fragmentCount = 0

    /// - Parameters:
    ///   - maximumRecordSize: Bytes of one record, without its marks.
    ///   - maximumFragmentCount: Fragments of one record, empty ones included.
    package init(maximumRecordSize: Int, maximumFragmentCount: Int = 1024) {
        precondition(maximumRecordSize > 0 && maximumFragmentCount > 0)
        self.maximumRecordSize = maximumRecordSize
        self.maximumFragmentCount = maximumFragmentCount
    }

    /// Whether part of a record is here and the rest is not: the peer owes us bytes.
    package var hasPartialRecord: Bool { received.readableBytes > 0 || fragmentCount > 0 }

    /// Takes bytes from the stream.
    ///
    /// Then ask for ``nextRecord()`` until it returns `nil`.
    package mutating func append(_ bytes: consuming ByteBuffer) {
        guard received.readableBytes > 0 else {
            received = bytes
            return
        }
        // What was read would otherwise be kept for as long as reads end within a record.
        received.discardReadBytes()
        received.writeBuffer(&bytes)
    }

    /// - Returns: The next record, or `nil` until more bytes are appended.
    package mutating func nextRecord() throws(RecordError) -> ByteBuffer? {
        while let mark = received.getInteger(at: received.readerIndex, as: UInt32.self) {
            let isLast = mark & 0x8000_0000 != 0
            let length = Int(mark & 0x7fff_ffff)
            let recordSize = joined.readableBytes + length
            guard recordSize <= maximumRecordSize else {
                throw .tooLarge(claimed: recordSize, limit: maximumRecordSize)
            }
            guard fragmentCount < maximumFragmentCount else {
                throw .tooManyFragments(limit: maximumFragmentCount)
            }
            guard recordSize > 0 || !isLast else { throw .empty }
            guard received.readableBytes >= 4 + length else { return nil }

            received.moveReaderIndex(forwardBy: 4)
            guard var fragment = received.readSlice(length: length) else { return nil }
            // An idle connection keeps nothing of what it received.
            if received.readableBytes == 0 { received = ByteBuffer() }
            if isLast && fragmentCount == 0 { return fragment }
            fragmentCount += 1
            joined.writeBuffer(&fragment)
            guard isLast else { continue }
            defer {
                joined = ByteBuffer()
                fragmentCount = 0
            }
            return joined
        }
        return nil
    }
}
