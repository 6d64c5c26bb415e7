import BitTorrentProtocol
import PieceStorage
import Synchronization

/// A torrent's cache file, opened when it is first needed: a torrent that nobody reads holds no
/// file descriptor.
final class LazyCacheFile: Sendable {
    private let directory: CacheDirectory
    private let infoHash: InfoHash
    private let length: UInt64
    private let file = Mutex<CacheFile?>(nil)

    init(directory: CacheDirectory, infoHash: InfoHash, length: UInt64) {
        self.directory = directory
        self.infoHash = infoHash
        self.length = length
    }

    func open() throws(StorageError) -> CacheFile {
        try file.withLock { file throws(StorageError) in
            if let file { return file }
            let opened = try directory.file(of: infoHash, length: length)
            file = opened
            return opened
        }
    }
}
