import Glibc

/// A folder of the configuration whose `.torrent` files a route shows, looked at again and again.
///
/// A folder whose entries did not change since it was listed is not listed again: its own time tells,
/// which moves when an entry comes or goes. That a file was changed in place it does not tell.
struct TorrentFolder {
    /// Folders within folders; links to folders are not followed, so there is no way round.
    static let maximumDepth = 16

    struct Unreadable: Error, Equatable {
        let path: String
        let reason: String
    }

    private struct Listing {
        /// `nil` if the folder must be listed again.
        let stamp: Stamp?
        var torrents: [String] = []
        var folders: [String] = []
    }

    private struct Stamp: Equatable {
        let device: UInt64
        let inode: UInt64
        let seconds: Int64
        let nanoseconds: Int64
    }

    let path: String
    /// Paths of the `.torrent` files below the folder, sorted; hidden ones are passed over.
    private(set) var files: [String] = []
    private var listings: [String: Listing] = [:]

    /// The clock of a file system ticks some hundred times a second, that of another machine may be
    /// behind: a folder that changed so short a time before its listing is listed once more.
    private static let settlingSeconds: Int64 = 3

    init(path: String) { self.path = path }

    /// - Returns: true if `files` changed.
    mutating func look() throws(Unreadable) -> Bool {
        var seen: [String: Listing] = [:]
        var isListedAnew = false
        var open = [(path: path, depth: 0)]
        while let (path, depth) = open.popLast() {
            let stamp = Self.stamp(of: path)
            let listing: Listing
            if let stamp, let known = listings[path], known.stamp == stamp {
                listing = known
            } else {
                isListedAnew = true
                do throws(Unreadable) {
                    listing = try Self.list(path, at: stamp)
                } catch {
                    // It may have gone since the folder above it was listed.
                    if depth > 0, Self.stamp(of: path) == nil { continue }
                    throw error
                }
            }
            seen[path] = listing
            if depth < Self.maximumDepth { open += listing.folders.map { ($0, depth + 1) } }
        }
        guard isListedAnew || seen.count != listings.count else { return false }
        listings = seen
        let found = seen.values.flatMap(\.torrents).sorted()
        defer { files = found }
        return found != files
    }

    private static func stamp(of path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else { return nil }
        return Stamp(
            device: UInt64(status.st_dev),
            inode: UInt64(status.st_ino),
            seconds: Int64(status.st_mtim.tv_sec),
            nanoseconds: Int64(status.st_mtim.tv_nsec)
        )
    }

    private static func isSettled(_ stamp: Stamp) -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return abs(Int64(now.tv_sec) - stamp.seconds) >= settlingSeconds
    }

    private static func list(_ path: String, at stamp: Stamp?) throws(Unreadable) -> Listing {
        guard let directory = opendir(path) else {
            throw Unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        defer { closedir(directory) }
        var listing = Listing(stamp: stamp.flatMap { isSettled($0) ? $0 : nil })
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") else { continue }
            let full = path == "/" ? "/\(name)" : "\(path)/\(name)"
            if isTorrent(name) {
                listing.torrents.append(full)
            } else if isFolder(full, entry.pointee.d_type) {
                listing.folders.append(full)
            }
        }
        return listing
    }

    private static func isTorrent(_ name: String) -> Bool {
        let ending = name.utf8.suffix(8)
        return ending.count == 8
            && zip(ending, ".torrent".utf8).allSatisfy { $0 == $1 || ($0 | 0x20) == $1 }
    }

    private static func isFolder(_ path: String, _ type: UInt8) -> Bool {
        if type != UInt8(DT_UNKNOWN) { return type == UInt8(DT_DIR) }
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
