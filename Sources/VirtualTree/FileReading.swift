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

/// Why bytes that a reader waits for are not there yet; the raw values are for programs.
package enum FileWaitReason: String, Sendable {
    /// The torrent is being taken up.
    case starting
    /// They have come and are being hashed and written.
    case verifying
    case noPeers = "no_peers"
    /// No connected peer has them.
    case notOffered = "not_offered"
    /// The peers that have them give us nothing just now.
    case choked
    /// The peers that have them are asked for what is needed sooner.
    case queued
    /// They are on their way.
    case arriving
    /// They will not come.
    case ended
}

package enum FileReadError: Error, Equatable, Sendable {
    /// A byte of the range is not there (any more).
    case notVerified
    /// The disk failed; the text is strerror's.
    case storage(String)
    case removed
}
