import Glibc

/// An exclusive flock(2) on a file in the state directory.
///
/// The kernel drops it when the process ends, however it ends.
final class DirectoryLock: Sendable {
    private let descriptor: CInt

    init(directory: String) throws(StateStoreError) {
        let descriptor = open("\(directory)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .cannotUse(directory: directory, reason: String(cString: strerror(errno)))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(descriptor)
            if code == EWOULDBLOCK { throw .inUse(directory: directory) }
            throw .cannotUse(directory: directory, reason: String(cString: strerror(code)))
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Makes the directory and those above it where they do not exist.
    static func makeDirectory(_ path: String) throws(StateStoreError) {
        var made = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            made += made.isEmpty || made.hasSuffix("/") ? component : "/\(component)"
            guard mkdir(made, 0o700) == 0 || errno == EEXIST else {
                throw .cannotUse(directory: path, reason: String(cString: strerror(errno)))
            }
        }
    }
}
