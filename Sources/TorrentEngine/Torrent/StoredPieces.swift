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
    /// Room on the disk of pieces that are not there: they are being written, come block by block, or
    /// could not be freed.
    private let roomOfPlaces = Mutex<[PieceIndex: UInt64]>([:])

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
        if writes(blocks, of: piece, at: geometry.offset(of: piece)) { return }
        try space.admitToMemory(piece, of: infoHash, UInt64(geometry.length(of: piece)))
        var offset: UInt32 = 0
        for payload in blocks {
            let length = UInt32(payload.readableBytes)
            published.keepInMemory(payload, of: Block(piece: piece, offset: offset, length: length))
            offset += length
        }
    }

    /// Writes blocks of a piece that follow each other, if the disk is in order and has room.
    ///
    /// - Returns: whether they are on the disk.
    private func writes(
        _ blocks: [ByteBuffer],
        of piece: PieceIndex,
        at offset: UInt64
    ) -> Bool {
        let end = blocks.reduce(offset) { $0 + UInt64($1.readableBytes) }
        guard let room = takeRoom(geometry.diskByteCount(of: offset..<end), of: piece) else {
            return false
        }
        do throws(StorageError) {
            try write(blocks, at: offset)
            return true
        } catch {
            giveBack(room, of: piece)
            space.writeFailed(error, room, of: infoHash)
            return false
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
        if !published.isInMemory(piece), writes(run.map(\.payload), of: piece, at: first.offset) {
            return
        }
        if !published.isInMemory(piece) {
            try space.admitToMemory(piece, of: infoHash, UInt64(geometry.length(of: piece)))
        }
        for block in run { published.keepInMemory(block.payload, of: block.block) }
    }

    // MARK: Room of pieces that are not there

    /// Takes room on the disk for bytes of a piece, beyond what it has.
    ///
    /// - Returns: what was taken, which is less where the place was not freed; `nil` if there is none.
    private func takeRoom(_ byteCount: UInt64, of piece: PieceIndex) -> UInt64? {
        roomOfPlaces.withLock { room in
            let taken = room[piece] ?? 0
            let whole = geometry.diskByteCount(of: piece)
            let more = min(byteCount, whole - min(taken, whole))
            guard space.admits(more, of: infoHash, isPinned: isPinned(piece)) else { return nil }
            room[piece] = taken + more
            return more
        }
    }

    private func giveBack(_ byteCount: UInt64, of piece: PieceIndex) {
        roomOfPlaces.withLock { room in
            let rest = (room[piece] ?? 0) - min(byteCount, room[piece] ?? 0)
            room[piece] = rest > 0 ? rest : nil
        }
    }

    /// Room on the disk that pieces have which are not there.
    var placeByteCount: UInt64 {
        roomOfPlaces.withLock { room in room.isEmpty ? 0 : room.values.reduce(0, +) }
    }

    /// The piece is there, or gone.
    ///
    /// - Returns: the room that it had while it was not there.
    @discardableResult
    func endPlace(of piece: PieceIndex) -> UInt64? {
        roomOfPlaces.withLock { $0.removeValue(forKey: piece) }
    }

    /// Pieces are not there any more, but their bytes still are: their room is not taken twice when they
    /// come again.
    func keepPlaces(_ places: [PieceIndex: UInt64]) {
        roomOfPlaces.withLock { $0.merge(places) { _, new in new } }
    }

    /// The pieces that are not there, and what room each has.
    var places: [PieceIndex: UInt64] { roomOfPlaces.withLock { $0 } }
}
