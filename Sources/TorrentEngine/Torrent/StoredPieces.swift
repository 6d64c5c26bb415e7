import BitTorrentProtocol
import NIOCore
import PieceStorage
import Synchronization
import TorrentLogic

/// The bytes of a torrent, wherever they are: on the disk, or in memory if they could not be written.
final class StoredPieces: PieceSource {
    private let infoHash: InfoHash
    private let geometry: PieceGeometry
    private let storage: TorrentStorage
    private let published: PublishedPieces
    private let space: CacheSpace
    /// The pieces that are pinned, of a torrent that is not pinned whole.
    private let selection = Mutex<PieceSelection?>(nil)
    /// Room on the disk of pieces that come block by block.
    private let partial = Mutex<[PieceIndex: UInt64]>([:])

    init(_ parts: TorrentActivation.Parts, _ published: PublishedPieces, _ space: CacheSpace) {
        infoHash = parts.metainfo.infoHash
        geometry = parts.metainfo.info.geometry
        storage = parts.storage
        self.published = published
        self.space = space
    }

    /// Of these pieces all are kept, once they are there.
    func select(_ pieces: PieceSelection?) { selection.withLock { $0 = pieces } }

    /// Whether the piece is pinned though the torrent is not, as a whole.
    func isPinned(_ piece: PieceIndex) -> Bool { selection.withLock { $0?[piece] ?? false } }

    /// - Precondition: none of the range is in memory alone.
    func readIfCached(_ range: Range<UInt64>, into buffer: inout ByteBuffer) -> Bool {
        (try? storage.source())?.readIfCached(range, into: &buffer) ?? false
    }

    func read(_ range: Range<UInt64>) throws(StorageError) -> ByteBuffer {
        let parts = published.memoryParts(of: range)
        guard !parts.isEmpty else { return try storage.source().read(range) }
        var buffer = ByteBufferAllocator().buffer(capacity: range.count)
        var position = range.lowerBound
        for part in parts {
            if position < part.offset {
                buffer.writeImmutableBuffer(
                    try storage.source().read(position..<part.offset)
                )
            }
            buffer.writeImmutableBuffer(part.bytes)
            position = part.offset + UInt64(part.bytes.readableBytes)
        }
        if position < range.upperBound {
            buffer.writeImmutableBuffer(try storage.source().read(position..<range.upperBound))
        }
        return buffer
    }

    /// Keeps a piece: on the disk if it is in order and has room, else in memory.
    ///
    /// Waits for the disk.
    ///
    /// - Parameter blocks: all of the piece, in order.
    /// - Throws: why it is not on the disk, if memory is full as well.
    func keep(_ blocks: [ByteBuffer], of piece: PieceIndex) throws(StorageError) {
        let cost = geometry.diskByteCount(of: piece)
        if space.admits(cost, of: infoHash, isPinned: isPinned(piece)) {
            do throws(StorageError) {
                try write(blocks, at: geometry.offset(of: piece))
                return
            } catch {
                space.writeFailed(error, cost, of: infoHash)
            }
        }
        try space.admitToMemory(piece, of: infoHash, UInt64(geometry.length(of: piece)))
        var offset: UInt32 = 0
        for payload in blocks {
            let length = UInt32(payload.readableBytes)
            published.keepInMemory(payload, of: Block(piece: piece, offset: offset, length: length))
            offset += length
        }
    }

    private func write(_ blocks: [ByteBuffer], at offset: UInt64) throws(StorageError) {
        let store = try storage.pieceStore()
        try store.write(blocks, at: offset)
        if space.isFailing {
            // Whether what was written can be read decides if the disk is of use again.
            let end = blocks.reduce(offset) { $0 + UInt64($1.readableBytes) }
            _ = try store.read(offset..<end)
        }
        space.wrote()
    }

    /// Keeps blocks that were proved by themselves (BEP 52), in order.
    ///
    /// Waits for the disk.
    func keep(_ blocks: [Torrent.Provable]) throws(StorageError) {
        var run: [Torrent.Provable] = []
        for block in blocks {
            if let last = run.last,
                last.block.piece != block.block.piece
                    || last.offset + UInt64(last.payload.readableBytes) != block.offset
            {
                try keep(run: run)
                run = []
            }
            run.append(block)
        }
        try keep(run: run)
    }

    /// - Parameter run: blocks of one piece that follow each other.
    private func keep(run: [Torrent.Provable]) throws(StorageError) {
        guard let first = run.first else { return }
        let piece = first.block.piece
        if takesPlace(piece) {
            do throws(StorageError) {
                try write(run.map(\.payload), at: first.offset)
                return
            } catch {
                space.writeFailed(error, 0, of: infoHash)
            }
        }
        if !published.isInMemory(piece) {
            try space.admitToMemory(piece, of: infoHash, UInt64(geometry.length(of: piece)))
        }
        for block in run { published.keepInMemory(block.payload, of: block.block) }
    }

    // MARK: Pieces that come block by block

    /// The first blocks of a piece take room on the disk for all of it.
    ///
    /// - Returns: false if there is none.
    private func takesPlace(_ piece: PieceIndex) -> Bool {
        partial.withLock { partial in
            if partial[piece] != nil { return true }
            let cost = geometry.diskByteCount(of: piece)
            guard !published.isInMemory(piece),
                space.admits(cost, of: infoHash, isPinned: isPinned(piece))
            else { return false }
            partial[piece] = cost
            return true
        }
    }

    /// Room on the disk that pieces have which are not whole.
    var partialByteCount: UInt64 {
        partial.withLock { partial in partial.isEmpty ? 0 : partial.values.reduce(0, +) }
    }

    /// The piece is whole, or gone.
    ///
    /// - Returns: the room that it had while it was not whole.
    @discardableResult
    func endPartial(_ piece: PieceIndex) -> UInt64? {
        partial.withLock { $0.removeValue(forKey: piece) }
    }

    /// The pieces that are not whole, and what room each has.
    var partialPieces: [PieceIndex: UInt64] { partial.withLock { $0 } }
}
