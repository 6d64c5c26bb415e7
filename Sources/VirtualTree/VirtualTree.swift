/// A directory or a file of the tree.
package enum VirtualNode: Sendable {
    case directory(any VirtualDirectory)
    case file(any VirtualFile)
}

/// The one file system that every exposure shows.
///
/// Answers from an immutable snapshot: no `await`, no lock held, safe on any thread.
package protocol VirtualTree: AnyObject, Sendable {
    var root: any VirtualDirectory { get }

    /// Finds an object again by its identity; `nil` if it is gone.
    func node(_ id: FileID) -> VirtualNode?

    /// Bytes of all files, and bytes that the cache holds: for FSSTAT and `df`.
    var usage: TreeUsage { get }
}
