import BitTorrentProtocol
import NIOCore
import TorrentLogic

/// The bytes that a uTP connection sends: those that wait to be cut into datagrams, and the datagrams
/// that the peer has not acknowledged.
struct UTPOutput {
    private struct Write {
        var bytes: ByteBuffer
        let promise: EventLoopPromise<Void>?
    }

    private var waiting = CircularBuffer<Write>()
    /// Writes that are not flushed: the last ones that wait.
    private var unflushedByteCount = 0
    /// Whole datagrams, with room for a header at the beginning.
    private var sent: SequenceWindow<ByteBuffer>?
    /// Bytes that were written and are in no datagram yet.
    private(set) var waitingByteCount = 0
    /// Of writes that are in datagrams by now.
    private var cut: [EventLoopPromise<Void>] = []

    mutating func write(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?) {
        waiting.append(Write(bytes: bytes, promise: promise))
        waitingByteCount += bytes.readableBytes
        unflushedByteCount += bytes.readableBytes
    }

    /// - Returns: bytes that may be sent from now on.
    mutating func flush() -> Int {
        defer { unflushedByteCount = 0 }
        return unflushedByteCount
    }

    /// What a datagram looks like on the wire.
    mutating func bytes(of datagram: UTPConnection.Datagram) -> ByteBuffer {
        guard let segment = datagram.segment else {
            var bytes = ByteBuffer()
            datagram.header.encode(into: &bytes)
            return bytes
        }
        if segment.isNew { cut(segment) }
        // The header is written anew: it has the time, and acknowledges what has come meanwhile.
        let bytes = sent?.update(segment.number) { bytes in
            let end = bytes.writerIndex
            bytes.moveWriterIndex(to: 0)
            datagram.header.encode(into: &bytes)
            bytes.moveWriterIndex(to: end)
            return bytes
        }
        return bytes ?? ByteBuffer()
    }

    /// Takes the next bytes that wait.
    private mutating func cut(_ segment: UTPConnection.Segment) {
        var bytes = ByteBufferAllocator().buffer(
            capacity: UTPHeader.byteCount + segment.byteCount
        )
        bytes.writeRepeatingByte(0, count: UTPHeader.byteCount)
        var missing = segment.byteCount
        while missing > 0, let first = waiting.first {
            let count = min(missing, first.bytes.readableBytes)
            bytes.writeBytes(first.bytes.readableBytesView.prefix(count))
            waiting[waiting.startIndex].bytes.moveReaderIndex(forwardBy: count)
            missing -= count
            waitingByteCount -= count
            guard count == first.bytes.readableBytes else { continue }
            waiting.removeFirst()
            if let promise = first.promise { cut.append(promise) }
        }
        if sent == nil { sent = SequenceWindow(first: segment.number) }
        sent?.append(bytes)
    }

    /// The peer has everything below this number.
    mutating func acknowledged(below number: Int) {
        while let first = sent?.first, first < number, sent?.removeFirst() != nil {}
    }

    /// The promises of writes that were cut into datagrams since the last call.
    mutating func takeCut() -> [EventLoopPromise<Void>] {
        guard !cut.isEmpty else { return [] }
        defer { cut = [] }
        return cut
    }

    /// Forgets what is in no datagram yet.
    ///
    /// - Returns: the promises of all writes that are not kept yet.
    mutating func discardWaiting() -> [EventLoopPromise<Void>] {
        let promises = takeCut() + waiting.compactMap(\.promise)
        waiting = []
        waitingByteCount = 0
        unflushedByteCount = 0
        return promises
    }
}
