import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore

/// The recorded pieces of a torrent, held against its cache file: if that is gone none is left, and
/// if it holds less than it should every piece is hashed.
///
/// Waits for the disk.
func recordedPieces(
    of metainfo: Metainfo,
    in cache: CacheDirectory,
    store: StateStore,
    logger: Logger
) throws -> Bitfield {
    let (infoHash, geometry) = (metainfo.infoHash, metainfo.info.geometry)
    let recorded = try store.completedPieces(of: infoHash, count: geometry.pieceCount)
    guard !recorded.isEmpty else { return recorded }
    let least = geometry.byteCount(of: recorded)
    let held = cache.heldBytes(of: infoHash)
    if let held, held >= least { return recorded }
    logger.warning(
        "the cache file has lost bytes; its pieces are verified again",
        metadata: ["torrent": "\(infoHash)"]
    )
    var verified = Bitfield(count: geometry.pieceCount)
    if held != nil {
        verified = try PieceVerifier.verifiedPieces(
            in: try cache.file(of: infoHash, length: geometry.paddedLength),
            of: metainfo.info,
            pieceLayers: metainfo.pieceLayers,
            candidates: recorded
        )
    }
    try store.replaceCompleted(of: infoHash, with: verified)
    return verified
}

/// Writes and records the pieces of a torrent that are not in its cache file.
///
/// Waits for the disk.
func fillCache(
    of metainfo: Metainfo,
    in cache: CacheDirectory,
    store: StateStore,
    from content: (Range<UInt64>) throws -> ByteBuffer
) throws {
    let (infoHash, geometry) = (metainfo.infoHash, metainfo.info.geometry)
    var verified = try store.completedPieces(of: infoHash, count: geometry.pieceCount)
    if cache.heldBytes(of: infoHash) == nil { verified = Bitfield(count: geometry.pieceCount) }
    let file = try cache.file(of: infoHash, length: geometry.paddedLength)
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
