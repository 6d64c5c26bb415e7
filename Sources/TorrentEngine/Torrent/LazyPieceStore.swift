import BitTorrentProtocol
package import PieceStorage
import Synchronization

/// Where the pieces of a torrent are kept on disk, opened when it is first needed: a torrent that
/// nobody reads holds no file descriptor.
final class LazyPieceStore: Sendable {
    private let directory: CacheDirectory
    private let infoHash: InfoHash
    private let pieceLength: UInt32
    private let length: UInt64
    private let layer: PieceStoreLayer?
    private let store = Mutex<(any PieceStore)?>(nil)

    /// - Parameter length: bytes of the torrent.
    init(
        directory: CacheDirectory,
        infoHash: InfoHash,
        pieceLength: UInt32,
        length: UInt64,
        layer: PieceStoreLayer? = nil
    ) {
        self.directory = directory
        self.infoHash = infoHash
        self.pieceLength = pieceLength
        self.length = length
        self.layer = layer
    }

    /// - Parameter forWriting: what could only be read when it was opened is opened again.
    func open(forWriting: Bool = false) throws(StorageError) -> any PieceStore {
        try store.withLock { store throws(StorageError) in
            if let store, !(forWriting && store.isReadOnly) { return store }
            let opened = try directory.store(of: infoHash, pieceLength: pieceLength, length: length)
            let layered = layer.map { $0(opened) } ?? opened
            store = layered
            return layered
        }
    }
}

/// Stands between a torrent and its store, for tests that make a disk fail.
package typealias PieceStoreLayer = @Sendable (any PieceStore) -> any PieceStore
