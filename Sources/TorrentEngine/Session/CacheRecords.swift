import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore

/// The recorded pieces of a torrent, and whether they are what they should be.
struct RecordedPieces {
    /// May be read.
    var verified: Bitfield
    /// Are to be hashed before they are read.
    var unchecked: Bitfield?
    /// Seconds since 1970.
    var lastRead: UInt32
}

/// The recorded pieces of a torrent, held against what is on the disk: if that is gone none is left,
/// and if it is less than it should be, or was not looked at since an unclean end, each piece is
/// hashed before it is read.
///
/// What is on the disk and not recorded goes. Waits for the disk.
func recordedPieces(
    of metainfo: Metainfo,
    _ resources: SessionResources
) throws -> RecordedPieces {
    let (infoHash, geometry) = (metainfo.infoHash, metainfo.info.geometry)
    let (store, cache, space) = (resources.store, resources.cache, resources.space)
    // What was written last, before the torrent went cold, is recorded with the rest.
    resources.journal.flush()
    var recorded = try store.completedPieces(of: infoHash, count: geometry.pieceCount)
    let held = cache.heldBytes(of: infoHash)
    if !recorded.isEmpty, held == nil {
        resources.logger.warning(
            "what was cached is gone from the disk; it is fetched again when it is read",
            metadata: ["torrent": "\(infoHash)"]
        )
        recorded = Bitfield(count: geometry.pieceCount)
        try store.replaceCompleted(of: infoHash, with: recorded)
    }
    let known = try store.cacheUse(of: infoHash)
    var use =
        known
        ?? StateStore.CacheUse(
            pieceLength: geometry.pieceLength,
            lastRead: CacheSpace.moment,
            checkedRun: -1
        )
    // What comes from now on is right; nothing is there that is not.
    if recorded.isEmpty { use.checkedRun = space.run }
    if use != known { try store.setCacheUse(use, of: infoHash) }
    let cost = geometry.diskByteCount(of: recorded)
    if let held, held > cost + unrecordedTolerance { freeUnrecorded(recorded, metainfo, resources) }
    space.setHeld(cost, by: infoHash, oldest: recorded.isEmpty ? nil : use.lastRead)
    let isTrusted =
        use.checkedRun == space.run && held ?? 0 >= geometry.byteCount(of: recorded)
    return RecordedPieces(
        verified: isTrusted || recorded.isEmpty ? recorded : Bitfield(count: recorded.count),
        unchecked: isTrusted || recorded.isEmpty ? nil : recorded,
        lastRead: use.lastRead
    )
}

/// Bytes that a file may take beyond its pieces: file systems keep a little for themselves.
private let unrecordedTolerance: UInt64 = 1 << 20

/// Frees what a process that was killed had written and not recorded.
private func freeUnrecorded(
    _ recorded: Bitfield,
    _ metainfo: Metainfo,
    _ resources: SessionResources
) {
    let geometry = metainfo.info.geometry
    let missing = (0..<geometry.pieceCount).map { PieceIndex($0) }.filter { !recorded[$0] }
    do {
        _ = try resources.cache.free(
            missing,
            of: metainfo.infoHash,
            pieceLength: geometry.pieceLength
        )
    } catch {
        resources.logger.warning("space of the cache is not free: \(error)")
    }
}

/// Writes and records the pieces of a torrent that are not in its cache file.
///
/// Waits for the disk.
func fillCache(
    of metainfo: Metainfo,
    _ resources: SessionResources,
    from content: (Range<UInt64>) throws -> ByteBuffer
) throws {
    let (infoHash, geometry) = (metainfo.infoHash, metainfo.info.geometry)
    let (store, cache) = (resources.store, resources.cache)
    var verified = try store.completedPieces(of: infoHash, count: geometry.pieceCount)
    if cache.heldBytes(of: infoHash) == nil { verified = Bitfield(count: geometry.pieceCount) }
    let file = try cache.store(
        of: infoHash,
        pieceLength: geometry.pieceLength,
        length: geometry.paddedLength
    )
    for piece in (0..<geometry.pieceCount).map({ PieceIndex($0) }) where !verified[piece] {
        let range = geometry.range(of: piece)
        let bytes = try content(range)
        let root = metainfo.info.merkleRoot(of: piece, in: metainfo.pieceLayers)
        guard let hash = metainfo.info.hash(of: piece, merkleRoot: root),
            PieceVerifier.matches([bytes], hash)
        else {
            throw SessionError.wrongContent(infoHash: infoHash, piece: piece)
        }
        try file.write([bytes], at: range.lowerBound)
        verified[piece] = true
    }
    try store.replaceCompleted(of: infoHash, with: verified)
}
