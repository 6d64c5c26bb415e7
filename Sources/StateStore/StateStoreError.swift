import Glibc

/// Why the state could not be opened, read or written.
package enum StateStoreError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Another server holds the directory.
    case inUse(directory: String)
    case cannotUse(directory: String, reason: String)
    case database(path: String, reason: String)
    /// A row that this program cannot have written.
    case corrupt(path: String, what: String)

    package var description: String {
        switch self {
        case .inUse(let directory):
            "the state directory \(directory) is in use by another server; stop it, or give this "
                + "one a directory of its own"
        case .cannotUse(let directory, let reason):
            "cannot use the state directory \(directory): \(reason); let this user write there, or "
                + "set another one"
        case .database(let path, let reason): "the database \(path) failed: \(reason)"
        case .corrupt(let path, let what): "the database \(path) is damaged: \(what)"
        }
    }
}
