import Glibc

/// Why a file cannot be read; the reason is strerror's.
struct UnreadableFile: Error, Equatable, CustomStringConvertible {
    let path: String
    let reason: String
    /// Whether there is no such file at all.
    let isAbsent: Bool

    var description: String { "\(path): \(reason)" }
}

/// Reads a small file whole.
///
/// - Parameter limit: bytes; a larger file is refused before it is read.
func contents(of path: String, limit: Int) throws(UnreadableFile) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
        let count = read(descriptor, &chunk, chunk.count)
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw failure(path) }
        if count == 0 { return bytes }
        guard bytes.count + count <= limit else {
            throw UnreadableFile(
                path: path,
                reason: "larger than \(limit) bytes, which is too large",
                isAbsent: false
            )
        }
        bytes += chunk[..<count]
    }
}

private func failure(_ path: String) -> UnreadableFile {
    UnreadableFile(
        path: path,
        reason: String(cString: strerror(errno)),
        isAbsent: errno == ENOENT
    )
}
