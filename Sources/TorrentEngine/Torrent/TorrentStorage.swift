import Glibc
import PieceStorage

/// Where the bytes of a torrent lie.
enum TorrentStorage: Sendable {
    /// What was fetched.
    case cache(LazyCacheFile)
    /// The user's own files, of which the torrent was made: they are only ever read.
    case folder(FolderFiles)

    func source() throws(StorageError) -> any PieceSource {
        switch self {
        case .cache(let file): try file.open()
        case .folder(let files): files
        }
    }

    /// The file that takes pieces which were fetched.
    func cacheFile() throws(StorageError) -> CacheFile {
        switch self {
        case .cache(let file): try file.open()
        case .folder(let files): throw StorageError(.write, files.path, code: EROFS)
        }
    }
}
