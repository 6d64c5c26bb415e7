/// Keeps bytes of a file from being evicted, as long as it lives.
package protocol FileHold: AnyObject, Sendable {}

/// What a reader that waits is told.
package enum FileAvailability: Equatable, Sendable {
    /// So many bytes from the start of the range are verified now; more may follow.
    case verified(UInt64)
    /// The file is gone: nothing will come.
    case removed
    /// Nothing will come as things stand (the disk fails, the torrent ends).
    case failed
}

/// Names one wait, to end it.
package struct FileWait: Hashable, Sendable {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }
}

package enum FileReadError: Error, Equatable, Sendable {
    /// A byte of the range is not there (any more).
    case notVerified
    /// The disk failed; the text is strerror's.
    case storage(String)
    case removed
}
