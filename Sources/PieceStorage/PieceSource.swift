package import NIOCore

/// Where the bytes of a torrent are read: its cache, or the files of which it was made.
///
/// Any thread may read at once. Ranges are byte ranges of the torrent.
package protocol PieceSource: AnyObject, Sendable {
    /// Appends the bytes of `range` if they are to be had without waiting for the disk.
    ///
    /// - Returns: false, with `buffer` as it was, if they are not.
    func readIfCached(_ range: Range<UInt64>, into buffer: inout ByteBuffer) -> Bool

    /// Reads `range`; may wait for the disk, so it is not for an event loop.
    func read(_ range: Range<UInt64>) throws(StorageError) -> ByteBuffer
}

extension PieceSource {
    /// The bytes of `range` if they are to be had without waiting for the disk.
    package func readIfCached(_ range: Range<UInt64>) -> ByteBuffer? {
        var buffer = ByteBufferAllocator().buffer(capacity: range.count)
        return readIfCached(range, into: &buffer) ? buffer : nil
    }
}

/// Where the pieces of a torrent are kept on disk: a `CacheFile`, or `PieceFiles` on a file system
/// that has no holes.
///
/// Any thread may use it at once. Its methods wait for the disk.
package protocol PieceStore: PieceSource {
    /// It was opened when its file system could not be written; another one, opened now, may be able to.
    var isReadOnly: Bool { get }

    /// Writes the buffers one behind the other from `offset` on.
    func write(_ buffers: [ByteBuffer], at offset: UInt64) throws(StorageError)

    /// Gives the space of whole pieces back; what is read of them afterwards means nothing.
    func free(_ range: Range<UInt64>) throws(StorageError)

    /// Returns when what was written outlives a power failure.
    func synchronize() throws(StorageError)

    /// Bytes that are taken on the disk.
    func heldBytes() throws(StorageError) -> UInt64
}
