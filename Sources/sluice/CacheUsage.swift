import Glibc
import Synchronization

/// How many bytes the cache holds on disk, measured from time to time: `df` asks often, and must
/// not wait for a listing.
final class CacheUsage: Sendable {
    private let directory: String
    private let measured = Atomic<UInt64>(0)

    init(directory: String) { self.directory = directory }

    var byteCount: UInt64 { measured.load(ordering: .relaxed) }

    /// Adds up the blocks of the cache files, whose holes take none.
    ///
    /// Waits for the disk.
    func measure() {
        guard let listing = opendir(directory) else { return }
        defer { closedir(listing) }
        let descriptor = dirfd(listing)
        var total: UInt64 = 0
        while let entry = readdir(listing) {
            var status = stat()
            let found = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    fstatat(descriptor, $0, &status, AT_SYMLINK_NOFOLLOW) == 0
                }
            }
            guard found, status.st_mode & S_IFMT == S_IFREG else { continue }
            total += UInt64(status.st_blocks) * 512
        }
        measured.store(total, ordering: .relaxed)
    }
}
