package import BitTorrentProtocol
package import NIOCore

/// What a reader that waits is told.
package enum Availability: Equatable, Sendable {
    /// So many bytes from the start of the range are verified now; more may follow.
    case verified(UInt64)
    /// The torrent was removed: nothing will come.
    case removed
    /// The bytes cannot be had: the disk failed, or the session ends.
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

    /// The info dictionary. Waits for the disk.
    func loadInfo() throws -> TorrentInfo

    /// Length of the longest verified prefix of `range`. Takes no time to speak of; never waits.
    func verifiedPrefix(of range: Range<UInt64>) -> UInt64

    /// Appends bytes that `verifiedPrefix` said are there, if no disk is to be waited for.
    ///
    /// - Returns: false, with `buffer` as it was, if only ``read(_:on:)`` can have them.
    func readIfCached(
        _ range: Range<UInt64>,
        into buffer: inout ByteBuffer
    ) throws(TorrentReadError) -> Bool

    /// Reads bytes that `verifiedPrefix` said are there, on a thread of the disk pool.
    ///
    /// Fails with ``TorrentReadError``.
    func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(TorrentReadError) -> EventLoopFuture<ByteBuffer>

    /// Keeps the pieces of a range from being evicted.
    ///
    /// - Returns: `nil` if not all of the range is verified.
    func hold(_ range: Range<UInt64>) -> PieceHold?

    /// Tells that `client` asked for `range`, which lies in the file at position `file` of the
    /// metainfo: pieces become wanted and read-ahead starts or continues. To be called for every
    /// READ, cached or not.
    func noteRead(_ range: Range<UInt64>, of file: UInt32, by client: UInt64)

    /// Calls `notify` whenever the verified prefix of `range` grows, and once at first if there is
    /// one already.
    ///
    /// It is called on any thread, but never before `wait` has returned. The wait ends with a prefix
    /// that is the whole range, with `removed`, with `failed`, or with `endWait`; a call that was
    /// under way when `endWait` was called may still come. The pieces of the range are fetched
    /// before all others.
    ///
    /// - Parameter range: not empty, and within the torrent.
    func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (Availability) -> Void
    ) -> WaitToken

    /// Ends a wait; nothing happens if it has ended already. Pieces that are still missing stay
    /// wanted for a minute.
    func endWait(_ token: WaitToken)

    /// Tells once, on any thread, why bytes of `range` are still missing.
    func explainWait(
        for range: Range<UInt64>,
        _ tell: @escaping @Sendable (WaitReason) -> Void
    )

    /// Tells that `client` reads no more: nothing is fetched ahead for it any longer.
    func noteLeft(by client: UInt64)
}

package enum TorrentReadError: Error, Equatable, Sendable {
    case notVerified
    /// The disk failed; the text is strerror's.
    case storage(String)
    case removed
}
