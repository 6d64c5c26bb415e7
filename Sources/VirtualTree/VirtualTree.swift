/// A directory or a file of the tree.
package enum VirtualNode: Sendable {
    case directory(any VirtualDirectory)
    case file(any VirtualFile)

    package var id: FileID {
        switch self {
        case .directory(let directory): directory.id
        case .file(let file): file.id
        }
    }

    package var attributes: FileAttributes {
        switch self {
        case .directory(let directory): directory.attributes
        case .file(let file): file.attributes
        }
    }
}

/// The one file system that every exposure shows.
///
/// Answers from an immutable snapshot: no `await`, no lock held, safe on any thread.
package protocol VirtualTree: AnyObject, Sendable {
    var root: any VirtualDirectory { get }

    /// Finds an object again by its identity; `nil` if it is gone.
    func node(_ id: FileID) -> VirtualNode?

    /// The names from the root to a file, for people; `nil` if it is gone.
    ///
    /// Takes time in proportion to the files of its torrent.
    func path(ofFile id: FileID) -> [[UInt8]]?

    /// Bytes of all files, and bytes that the cache holds: for FSSTAT and `df`.
    var usage: TreeUsage { get }
}
