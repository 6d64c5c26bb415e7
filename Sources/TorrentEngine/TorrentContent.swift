package import BitTorrentProtocol
package import NIOCore
package import TorrentLogic

/// Bytes of a torrent that are verified and on disk, now or in a moment.
package enum StoredBytes {
    case ready(ByteBuffer)
    /// The page cache does not hold them: a thread of the disk pool reads them.
    case later(EventLoopFuture<ByteBuffer>)
}

/// What a reader that waits is told.
package enum Availability: Equatable, Sendable {
    /// So many bytes from the start of the range are verified now; more may follow.
    case verified(UInt64)
    /// The torrent was removed: nothing will come.
    case removed
    /// The torrent cannot go on (disk failure, paused).
    case failed
}

/// Names one wait, to end it.
package struct WaitToken: Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// The bytes of one torrent as readers on any thread see them.
///
/// The part of a torrent that is not confined to its event loop: which pieces are verified is
/// published behind a `Mutex`, and cached bytes are read with positioned I/O, so a READ of present
/// data needs no hop. All ranges are byte ranges of the torrent (`TorrentInfo.File.offset` makes
/// them from file offsets).
package protocol TorrentContent: AnyObject, Sendable {
    var infoHash: InfoHash { get }
    var info: TorrentInfo { get }

    /// Length of the longest verified prefix of `range`. Takes no time to speak of; never waits.
    func verifiedPrefix(of range: Range<UInt64>) -> UInt64

    /// Reads bytes that `verifiedPrefix` said are there.
    func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(TorrentReadError)
        -> StoredBytes

    /// Tells that `reader` asked for `range` of the file `file` (its torrent range): pieces become
    /// wanted and read-ahead starts or continues. To be called for every READ, cached or not.
    func noteRead(_ range: Range<UInt64>, in file: Range<UInt64>, by reader: ReaderID)

    /// Calls `notify`, on any thread, whenever the verified prefix of `range` grows and when the
    /// torrent fails; once at first if a prefix is there already. No call comes after `endWait`
    /// returned on the same event loop turn has been seen by the torrent; late calls are harmless
    /// to a caller that ignores tokens it ended.
    func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (Availability) -> Void
    ) -> WaitToken

    func endWait(_ token: WaitToken)
}

package enum TorrentReadError: Error, Equatable, Sendable {
    case notVerified
    /// The disk failed; the text is strerror's.
    case storage(String)
    case removed
}
