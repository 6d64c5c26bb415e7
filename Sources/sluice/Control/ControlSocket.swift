import Glibc

/// Where commands reach the server: a socket in the state directory, for its owner alone.
///
/// It is named by a descriptor of the directory, because the path of a socket may have 107 bytes and
/// a directory may be deep.
final class ControlSocket: Sendable {
    private let directory: CInt

    /// - Returns: `nil` if there is no such directory.
    init?(stateDirectory: String) {
        directory = open(stateDirectory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if directory < 0 { return nil }
    }

    deinit { close(directory) }

    /// Of use as long as this object lives.
    var path: String { "/proc/self/fd/\(directory)/control" }

    /// Shuts everybody else out.
    ///
    /// - Returns: false with `errno` set if that failed.
    func keepToOwner() -> Bool { chmod(path, 0o600) == 0 }

    func remove() { unlink(path) }
}
