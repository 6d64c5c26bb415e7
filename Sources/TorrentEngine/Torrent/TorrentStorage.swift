import Glibc
import PieceStorage

/// Where the bytes of a torrent lie.
enum TorrentStorage: Sendable {
    /// What was fetched.
    case cache(LazyPieceStore)
    /// The user's own files, of which the torrent was made: they are only ever read.
    case folder(FolderFiles)

    /// What was fetched, and may be evicted.
    var isCache: Bool {
        if case .cache = self { return true }
        return false
    }

    func source() throws(StorageError) -> any PieceSource {
        switch self {
        case .cache(let file): try file.open()
        case .folder(let files): files
        }
    }

    /// What takes pieces that were fetched.
    func pieceStore() throws(StorageError) -> any PieceStore {
        switch self {
        case .cache(let file): try file.open(forWriting: true)
        case .folder(let files): throw StorageError(.write, files.path, code: EROFS)
        }
    }
}
