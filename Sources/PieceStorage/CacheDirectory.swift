package import BitTorrentProtocol
import Glibc

/// The directory of the cache files: one sparse file per torrent, named by its info-hash.
package struct CacheDirectory: Sendable {
    package let path: String

    /// Makes the directory, and those above it, where they do not exist, and proves that files can
    /// be written there.
    package init(path: String) throws(StorageError) {
        self.path = path
        try Self.makeDirectories(path)
        let probe = "\(path)/.probe"
        let descriptor = open(probe, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StorageError(.write, path, code: errno) }
        close(descriptor)
        unlink(probe)
    }

    /// Opens the torrent's cache file and makes it where there is none.
    package func file(of infoHash: InfoHash, length: UInt64) throws(StorageError) -> CacheFile {
        try CacheFile(path: filePath(of: infoHash), length: length)
    }

    /// Bytes that the torrent's cache file takes on the disk, or `nil` if there is no such file.
    package func heldBytes(of infoHash: InfoHash) -> UInt64? {
        var status = stat()
        guard stat(filePath(of: infoHash), &status) == 0 else { return nil }
        return UInt64(status.st_blocks) * 512
    }

    /// Removes the torrent's cache file; no error if there is none.
    package func removeFile(of infoHash: InfoHash) throws(StorageError) {
        let path = filePath(of: infoHash)
        guard unlink(path) == 0 || errno == ENOENT else {
            throw StorageError(.remove, path, code: errno)
        }
    }

    private func filePath(of infoHash: InfoHash) -> String {
        "\(path)/\(infoHash.hex).pieces"
    }

    private static func makeDirectories(_ path: String) throws(StorageError) {
        if mkdir(path, 0o700) == 0 { return }
        let code = errno
        var status = stat()
        if code == EEXIST {
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw StorageError(.makeDirectory, path, code: ENOTDIR)
            }
            return
        }
        guard code == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw StorageError(.makeDirectory, path, code: code)
        }
        try makeDirectories(String(path[..<slash]))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw StorageError(.makeDirectory, path, code: errno)
        }
    }
}
