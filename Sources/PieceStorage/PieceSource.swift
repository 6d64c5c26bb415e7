package import NIOCore

/// Where the bytes of a torrent are read: its cache, or the files of which it was made.
///
/// Any thread may read at once. Ranges are byte ranges of the torrent.
package protocol PieceSource: AnyObject, Sendable {
    /// The bytes of `range` if they are to be had without waiting for the disk.
    func readIfCached(_ range: Range<UInt64>) -> ByteBuffer?

    /// Reads `range`; may wait for the disk, so it is not for an event loop.
    func read(_ range: Range<UInt64>) throws(StorageError) -> ByteBuffer
}

/// Where the pieces of a torrent are kept on disk: a `CacheFile`, or `PieceFiles` on a file system
/// that has no holes.
///
/// Any thread may use it at once. Its methods wait for the disk.
package protocol PieceStore: PieceSource {
    /// Writes the buffers one behind the other from `offset` on.
    func write(_ buffers: [ByteBuffer], at offset: UInt64) throws(StorageError)

    /// Gives the space of whole pieces back; what is read of them afterwards means nothing.
    func free(_ range: Range<UInt64>) throws(StorageError)

    /// Bytes that are taken on the disk.
    func heldBytes() throws(StorageError) -> UInt64
}
