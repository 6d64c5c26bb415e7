import Glibc

/// A folder of the configuration whose `.torrent` files a route shows.
enum TorrentFolder {
    /// Folders within folders; links to folders are not followed, so there is no way round.
    static let maximumDepth = 16

    struct Unreadable: Error, Equatable {
        let path: String
        let reason: String
    }

    /// Paths of the `.torrent` files below the folder, sorted; hidden ones are passed over.
    static func files(below path: String) throws(Unreadable) -> [String] {
        var found: [String] = []
        try collect(path, depth: 0, into: &found)
        return found.sorted()
    }

    private static func collect(
        _ path: String,
        depth: Int,
        into found: inout [String]
    ) throws(Unreadable) {
        guard let directory = opendir(path) else {
            throw Unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        defer { closedir(directory) }
        var folders: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard !name.hasPrefix(".") else { continue }
            let full = path == "/" ? "/\(name)" : "\(path)/\(name)"
            if name.lowercased().hasSuffix(".torrent") {
                found.append(full)
            } else if isFolder(full, entry.pointee.d_type) {
                folders.append(full)
            }
        }
        guard depth < maximumDepth else { return }
        for folder in folders { try collect(folder, depth: depth + 1, into: &found) }
    }

    private static func isFolder(_ path: String, _ type: UInt8) -> Bool {
        if type != UInt8(DT_UNKNOWN) { return type == UInt8(DT_DIR) }
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
