import Glibc

/// A system call on the cache, or on files of the user, failed: what was tried, where, and why.
package struct StorageError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Operation: String, Sendable {
        case makeDirectory = "make the directory"
        case open = "open"
        case resize = "set the size of"
        case inspect = "inspect"
        case read = "read"
        case write = "write"
        case punchHole = "free a part of"
        case synchronize = "make durable"
        case remove = "remove"
        case list = "list"
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

    /// A file of the user is not what it was when it was hashed.
    package static func changed(_ path: String) -> StorageError {
        StorageError(.read, path, code: ESTALE)
    }

    /// Whether the bytes that were hashed are not there any more.
    package var isChange: Bool {
        (operation == .read || operation == .open)
            && [ESTALE, ENOENT, ENOTDIR, ELOOP].contains(code)
    }

    /// The text of strerror(3).
    package var reason: String {
        switch code {
        case 0: "the file is shorter than expected"
        case ESTALE: "the file has changed since it was hashed"
        default: String(cString: strerror(code))
        }
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
