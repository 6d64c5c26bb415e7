package import NIOCore

/// A file whose bytes may still have to be fetched.
///
/// All offsets are offsets in the file.
package protocol VirtualFile: Sendable {
    var id: FileID { get }
    var attributes: FileAttributes { get }

    /// Length of the longest verified prefix of `range`; `range` ends within the file.
    func verifiedPrefix(of range: Range<UInt64>) -> UInt64

    /// Appends verified bytes if no disk is to be waited for.
    ///
    /// - Returns: false, with `buffer` as it was, if only ``read(_:on:)`` can have them.
    func readIfCached(
        _ range: Range<UInt64>,
        into buffer: inout ByteBuffer
    ) throws(FileReadError) -> Bool

    /// Reads verified bytes on a disk thread.
    ///
    /// Fails with ``FileReadError``.
    func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(FileReadError) -> EventLoopFuture<ByteBuffer>

    /// Keeps verified bytes from being evicted, for whoever sends them part by part.
    ///
    /// - Returns: `nil` if not all of them are there.
    func hold(_ range: Range<UInt64>) -> (any FileHold)?

    /// Tells that `client` asked for `range`: to be called for every read, cached or not.
    func noteRead(_ range: Range<UInt64>, by client: UInt64)

    /// Calls `notify`, on any thread, whenever the verified prefix of `range` grows and when no
    /// more will come; once at first if a prefix is there already. A call may still come after
    /// `endWait`.
    func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (FileAvailability) -> Void
    ) -> FileWait

    func endWait(_ wait: FileWait)

    /// Tells once, on any thread, why bytes of `range` are still missing.
    func explainWait(
        for range: Range<UInt64>,
        _ tell: @escaping @Sendable (FileWaitReason) -> Void
    )

    /// Tells that `client` reads no more, so that nothing is fetched ahead for it.
    func noteLeft(by client: UInt64)
}
