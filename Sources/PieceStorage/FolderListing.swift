import Glibc

/// The files below a folder of which a torrent can be made, in the order of the torrent.
package struct FolderListing: Equatable, Sendable {
    package struct File: Hashable, Sendable {
        /// Components below the folder.
        package let path: [String]
        package let stamp: FileStamp

        package init(path: [String], stamp: FileStamp) {
            self.path = path
            self.stamp = stamp
        }

        /// The path with slashes.
        package var name: String { path.joined(separator: "/") }
    }

    /// Something that no torrent can have.
    package struct Skipped: Hashable, Sendable {
        package let name: String
        package let reason: Reason
    }

    package enum Reason: String, Sendable {
        case link = "it is a symbolic link"
        case special = "it is neither a file nor a directory"
        case notText = "its name is not UTF-8"
        case tooDeep = "it lies too deep"
        case unreadable = "it cannot be read"
    }

    /// Directories within directories, as a metainfo may have them.
    static let maximumDepth = 99
    /// Files of one torrent; a metainfo of more is larger than other programs take.
    package static let maximumFileCount = 100_000

    /// Ordered by the bytes of their components, as BEP 52 wants it.
    package private(set) var files: [File] = []
    package private(set) var skipped: [Skipped] = []

    /// Walks the folder; hidden entries (a dot in front) are passed over.
    ///
    /// Waits for the disk.
    ///
    /// - Throws: if the folder itself cannot be listed, or has too many files (`E2BIG`).
    package init(path: String) throws(StorageError) {
        guard let code = try list(path, below: [], root: path) else {
            files.sort { left, right in
                left.path.lexicographicallyPrecedes(right.path) {
                    $0.utf8.lexicographicallyPrecedes($1.utf8)
                }
            }
            return
        }
        throw StorageError(.list, path, code: code)
    }

    /// - Returns: why the directory cannot be listed.
    private mutating func list(
        _ directory: String,
        below components: [String],
        root: String
    ) throws(StorageError) -> CInt? {
        var folders: [String] = []
        if let code = try list(directory, below: components, root: root, folders: &folders) {
            return code
        }
        for name in folders {
            let path = components + [name]
            if path.count > Self.maximumDepth {
                skip(path, .tooDeep)
            } else if try list("\(directory)/\(name)", below: path, root: root) != nil {
                skip(path, .unreadable)
            }
        }
        return nil
    }

    /// The entries of one directory.
    private mutating func list(
        _ directory: String,
        below components: [String],
        root: String,
        folders: inout [String]
    ) throws(StorageError) -> CInt? {
        guard let stream = opendir(directory) else { return errno }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 } }
                .map { $0 }
            guard bytes.first != UInt8(ascii: ".") else { continue }
            guard let name = String(validating: bytes, as: UTF8.self) else {
                skip(components + [String(decoding: bytes, as: UTF8.self)], .notText)
                continue
            }
            let path = components + [name]
            var status = stat()
            // One that is gone by now was not there.
            guard fstatat(dirfd(stream), name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: folders.append(name)
            case S_IFLNK: skip(path, .link)
            default:
                guard let stamp = FileStamp(status) else {
                    skip(path, .special)
                    continue
                }
                guard files.count < Self.maximumFileCount else {
                    throw StorageError(.list, root, code: E2BIG)
                }
                files.append(File(path: path, stamp: stamp))
            }
        }
        return nil
    }

    private mutating func skip(_ path: [String], _ reason: Reason) {
        skipped.append(Skipped(name: path.joined(separator: "/"), reason: reason))
    }
}
