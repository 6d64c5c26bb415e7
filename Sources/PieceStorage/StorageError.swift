import Glibc

/// A system call on the cache failed: what was tried, where, and why.
package struct StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Operation: String, Sendable {
        case makeDirectory = "make the directory"
        case open = "open"
        case resize = "set the size of"
        case inspect = "inspect"
        case read = "read"
        case write = "write"
        case punchHole = "free a part of"
        case remove = "remove"
    }

    package let operation: Operation
    package let path: String
    /// As errno(3) names it; 0 where a file was shorter than what was to be read.
    package let code: CInt

    package init(_ operation: Operation, _ path: String, code: CInt) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// The text of strerror(3).
    package var reason: String {
        code == 0 ? "the file is shorter than expected" : String(cString: strerror(code))
    }

    package var isOutOfSpace: Bool { code == ENOSPC || code == EDQUOT }

    package var description: String {
        let advice =
            switch code {
            case EACCES, EPERM, EROFS:
                "; let this user write there, or set another cache directory"
            case ENOSPC, EDQUOT: "; free some space, or set another cache directory"
            case EMFILE, ENFILE: "; raise the limit of open files (ulimit -n)"
            case ENOTDIR, EEXIST: "; a file is in the way of the cache directory"
            default: ""
            }
        return "cannot \(operation.rawValue) \(path): \(reason)\(advice)"
    }
}
