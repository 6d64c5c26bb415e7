package import NIOCore
package import TorrentEngine

/// A file whose bytes may still have to be fetched.
///
/// All offsets are offsets in the file.
package protocol VirtualFile: Sendable {
    var id: FileID { get }
    var attributes: FileAttributes { get }

    /// Length of the longest verified prefix of `range`; `range` ends within the file.
    func verifiedPrefix(of range: Range<UInt64>) -> UInt64

    /// Reads verified bytes: at once when the page cache has them, else on the disk pool.
    func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(TorrentReadError)
        -> StoredBytes

    /// Tells that `client` asked for `range`: to be called for every read, cached or not.
    func noteRead(_ range: Range<UInt64>, by client: UInt64)

    /// See ``TorrentContent/wait(for:notify:)``; `notify` may be called on any thread.
    func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (Availability) -> Void
    ) -> WaitToken

    func endWait(_ token: WaitToken)
}
