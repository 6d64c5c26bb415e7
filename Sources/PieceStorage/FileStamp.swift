package import Glibc

/// What tells that a file was changed without reading it.
///
/// The time of the last status change is part of it, because programs set the time of modification
/// back after they have changed a file. The device is not: its number may differ after a restart.
package struct FileStamp: Hashable, Sendable {
    package static let byteCount = 48

    package let inode: UInt64
    /// Bytes.
    package let size: UInt64
    package let modified: Time
    package let statusChanged: Time

    package struct Time: Hashable, Sendable {
        /// Since 1970.
        package let seconds: Int64
        package let nanoseconds: Int64

        package init(seconds: Int64, nanoseconds: Int64 = 0) {
            self.seconds = seconds
            self.nanoseconds = nanoseconds
        }

        /// The clock by which the times of files are set.
        package static var now: Self {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Self(time)
        }

        init(_ time: timespec) {
            self.init(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
        }
    }

    package init(inode: UInt64, size: UInt64, modified: Time, statusChanged: Time) {
        self.inode = inode
        self.size = size
        self.modified = modified
        self.statusChanged = statusChanged
    }

    /// - Returns: `nil` unless it is a regular file.
    package init?(_ status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        inode = UInt64(status.st_ino)
        size = UInt64(status.st_size)
        modified = Time(status.st_mtim)
        statusChanged = Time(status.st_ctim)
    }

    /// - Returns: `nil` unless a regular file stands at the path, or at the end of a link there.
    package init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        self.init(status)
    }

    /// - Returns: `nil` unless an open regular file has this descriptor.
    package init?(descriptor: CInt) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    /// Seconds without a change before a file is hashed.
    ///
    /// The clock of a file system ticks some hundred times a second: a change right after another
    /// one might not be seen. And who copies a file here shall be done with it.
    private static let settlingTime: Int64 = 3

    /// Whether the file has not been changed for a while.
    package func isSettled(at now: Time) -> Bool {
        // A time in the future is that of another machine's clock.
        abs(now.seconds - statusChanged.seconds) >= Self.settlingTime
    }

    // MARK: As it is stored

    package var bytes: [UInt8] {
        words.flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
        }
    }

    /// - Returns: `nil` if `bytes` did not give these bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        var words = [UInt64](repeating: 0, count: 6)
        for (position, byte) in bytes.enumerated() {
            words[position / 8] = words[position / 8] << 8 | UInt64(byte)
        }
        let times = words[2...].map { Int64(bitPattern: $0) }
        self.init(
            inode: words[0],
            size: words[1],
            modified: Time(seconds: times[0], nanoseconds: times[1]),
            statusChanged: Time(seconds: times[2], nanoseconds: times[3])
        )
    }

    private var words: [UInt64] {
        [inode, size]
            + [modified, statusChanged].flatMap {
                [UInt64(bitPattern: $0.seconds), UInt64(bitPattern: $0.nanoseconds)]
            }
    }
}
