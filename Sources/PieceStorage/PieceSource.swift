package import NIOCore

/// Where the bytes of a torrent are read: its cache file, or the files of which it was made.
///
/// Any thread may read at once. Ranges are byte ranges of the torrent.
package protocol PieceSource: AnyObject, Sendable {
    /// The bytes of `range` if they are to be had without waiting for the disk.
    func readIfCached(_ range: Range<UInt64>) -> ByteBuffer?

    /// Reads `range`; may wait for the disk, so it is not for an event loop.
    func read(_ range: Range<UInt64>) throws(StorageError) -> ByteBuffer
}

extension CacheFile: PieceSource {}
