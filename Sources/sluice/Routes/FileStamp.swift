import Glibc

/// What tells that a file was changed without reading it.
struct FileStamp: Hashable, Sendable {
    private let inode: UInt64
    private let size: Int64
    private let seconds: Int64
    private let nanoseconds: Int64

    /// - Returns: `nil` unless a regular file stands at the path.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        inode = UInt64(status.st_ino)
        size = Int64(status.st_size)
        seconds = Int64(status.st_mtim.tv_sec)
        nanoseconds = Int64(status.st_mtim.tv_nsec)
    }

    // MARK: As it is stored

    private static let byteCount = 32

    var bytes: [UInt8] {
        words.flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
        }
    }

    /// - Returns: `nil` if `bytes` did not give these bytes.
    init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words = [UInt64](repeating: 0, count: 4)
        for (position, byte) in bytes.enumerated() {
            words[position / 8] = words[position / 8] << 8 | UInt64(byte)
        }
        inode = words[0]
        size = Int64(bitPattern: words[1])
        seconds = Int64(bitPattern: words[2])
        nanoseconds = Int64(bitPattern: words[3])
    }

    private var words: [UInt64] {
        [inode] + [size, seconds, nanoseconds].map { UInt64(bitPattern: $0) }
    }
}
