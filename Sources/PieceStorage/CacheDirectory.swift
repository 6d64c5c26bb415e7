package import BitTorrentProtocol
import Glibc
import NIOCore

/// The directory of the cached pieces: for each torrent a sparse file that is named by its
/// info-hash, or a directory of piece files where the file system cannot punch holes.
package struct CacheDirectory: Sendable {
    /// How the pieces of a torrent are kept.
    package enum Layout: Sendable {
        /// In a sparse file with every piece at its natural offset.
        case sparseFile
        /// In a file for each piece.
        case pieceFiles
    }

    package let path: String
    /// Of torrents that are not here yet.
    package let layout: Layout
    /// Why nothing can be written at the moment; `nil` if it can.
    package let fault: StorageError?

    /// Makes the directory, and those above it, where they do not exist, and finds out what its file
    /// system can do.
    ///
    /// - Parameter layout: `nil` to take what the file system can do.
    /// - Throws: if there is no such directory and it cannot be made, or this user may not write
    ///   there. A disk that is full, fails or is read-only is no reason to throw: it may be mended.
    package init(path: String, layout: Layout? = nil) throws(StorageError) {
        self.path = path
        try Self.makeDirectories(path)
        do {
            let probed = try Self.probe("\(path)/.probe")
            self.layout = layout ?? probed
            fault = nil
        } catch {
            guard [EROFS, ENOSPC, EDQUOT, EIO].contains(error.code) else { throw error }
            self.layout = layout ?? .sparseFile
            fault = error
        }
    }

    /// Writes a file and punches a hole in it.
    private static func probe(_ path: String) throws(StorageError) -> Layout {
        let length = 16 * CacheFile.blockLength
        defer { unlink(path) }
        let file = try CacheFile(path: path, length: length)
        try file.write([ByteBuffer(repeating: 1, count: Int(length))], at: 0)
        do {
            try file.free(0..<length)
        } catch {
            return .pieceFiles
        }
        return try file.read(0..<1).readableBytesView.first == 0 ? .sparseFile : .pieceFiles
    }

    /// Opens what is cached of a torrent, and makes it where there is nothing.
    ///
    /// - Parameter length: bytes of the torrent.
    package func store(
        of infoHash: InfoHash,
        pieceLength: UInt32,
        length: UInt64
    ) throws(StorageError) -> any PieceStore {
        let path = storePath(of: infoHash)
        switch existingLayout(at: path) ?? layout {
        case .sparseFile: return try CacheFile(path: path, length: length)
        case .pieceFiles: return try PieceFiles(path: path, pieceLength: pieceLength)
        }
    }

    /// Gives the space of pieces back, whose bytes are recorded no longer; `nil` if there is nothing
    /// of the torrent.
    ///
    /// - Returns: bytes that the torrent takes afterwards.
    package func free(
        _ pieces: [PieceIndex],
        of infoHash: InfoHash,
        pieceLength: UInt32
    ) throws(StorageError) -> UInt64? {
        var status = stat()
        guard stat(storePath(of: infoHash), &status) == 0 else { return nil }
        let store = try store(
            of: infoHash,
            pieceLength: pieceLength,
            length: UInt64(status.st_size)
        )
        for run in PieceRun.runs(of: pieces) {
            try store.free(run.byteRange(pieceLength: pieceLength))
        }
        return try store.heldBytes()
    }

    /// Bytes that a torrent takes on the disk, or `nil` if there is nothing of it.
    package func heldBytes(of infoHash: InfoHash) -> UInt64? {
        let path = storePath(of: infoHash)
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        if status.st_mode & S_IFMT == S_IFDIR { return PieceFiles.heldBytes(below: path) }
        return UInt64(status.st_blocks) * 512
    }

    /// Removes all that is cached of a torrent; no error if there is nothing.
    package func removeStore(of infoHash: InfoHash) throws(StorageError) {
        let path = storePath(of: infoHash)
        if existingLayout(at: path) == .pieceFiles { return try PieceFiles.removeAll(path) }
        guard unlink(path) == 0 || errno == ENOENT else {
            throw StorageError(.remove, path, code: errno)
        }
    }

    private func storePath(of infoHash: InfoHash) -> String { "\(path)/\(infoHash.hex).pieces" }

    private func existingLayout(at path: String) -> Layout? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return status.st_mode & S_IFMT == S_IFDIR ? .pieceFiles : .sparseFile
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
