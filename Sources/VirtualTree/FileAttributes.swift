/// What `stat` shows, free of any protocol and never read from the clock.
package struct FileAttributes: Equatable, Sendable {
    package enum Kind: Sendable { case directory, file }

    package let kind: Kind
    /// 64-bit, non-zero, stable for ever.
    package let fileid: UInt64
    /// Bytes; for a directory a nominal 4096.
    package let size: UInt64
    /// Permission bits only, such as 0o444.
    package let mode: UInt16
    package let linkCount: UInt32
    /// Seconds since 1970 and nanoseconds; changes only when the content or the entries change.
    package let modified: Timestamp

    package struct Timestamp: Hashable, Sendable {
        package let seconds: UInt32
        package let nanoseconds: UInt32
        package init(seconds: UInt32, nanoseconds: UInt32 = 0) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }
    }

    package init(
        kind: Kind,
        fileid: UInt64,
        size: UInt64,
        mode: UInt16,
        linkCount: UInt32,
        modified: Timestamp
    ) {
        self.kind = kind
        self.fileid = fileid
        self.size = size
        self.mode = mode
        self.linkCount = linkCount
        self.modified = modified
    }
}
