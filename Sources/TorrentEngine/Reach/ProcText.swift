// For `open` and `read`.
import Glibc

/// The text of a file below /proc, which has no size and is read until its end.
///
/// - Returns: `nil` if it cannot be read.
func procText(_ path: String, limit: Int = 1 << 20) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count < limit {
        let count = read(descriptor, &part, part.count)
        guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
        bytes += part.prefix(count)
    }
    return String(decoding: bytes, as: UTF8.self)
}
