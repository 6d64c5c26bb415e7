/// What a torrent may be before it is refused.
package struct MetainfoLimits: Sendable {
    /// Bytes of a `.torrent` file, and of an info dictionary.
    package var byteCount = 10 * 1024 * 1024
    /// Values in it, dictionary keys included.
    package var valueCount = 3_000_000
    package var pieceCount = 1 << 21
    /// Bytes in a piece of a v1 torrent, which need not be a power of two.
    package var pieceLength: ClosedRange<Int64> = 16 * 1024...32767 * 16 * 1024
    /// Bytes in a file and in all files.
    package var totalLength: Int64 = 1 << 48
    /// Components in the path of a file.
    package var pathDepth = 100
    /// Files whose path another file has already.
    package var duplicatePathCount = 500
    package var trackerCount = 200
    /// Bytes in the URL of a tracker; longer ones are left out.
    package var trackerByteCount = 2048
    /// Web seeds; more are left out.
    package var webSeedCount = 64

    package init() {}
}
