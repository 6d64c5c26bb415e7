import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

// Giving up cached pieces, whether the torrent is at work or not.
extension RegisteredTorrent: CacheSpace.Owner {
    func giveUp(_ candidate: CacheBudget.Candidate, in space: CacheSpace) {
        let held = space.heldByteCount(of: infoHash)
        let promised = min(candidate.byteCount, held)
        if let torrent = active {
            guard let oldest = torrent.published.oldestMoment else {
                // What it has is not whole yet.
                return space.began(candidate, 0)
            }
            if oldest > candidate.moment, oldest > candidate.until {
                return space.queue(infoHash, at: oldest)
            }
            space.began(candidate, promised)
            // Never within the caller's turn.
            torrent.loop.execute {
                torrent.assumeIsolated { $0.giveUp(candidate, promised: promised) }
            }
            return
        }
        guard isCold else {
            space.began(candidate, 0)
            return space.queue(infoHash, at: CacheSpace.moment)
        }
        space.began(candidate, promised)
        Task { await giveUpCold(promised, candidate, in: space) }
    }

    func dropFromMemory(_ pieces: [PieceIndex]) {
        guard let torrent = active else {
            return activation.resources.space.forgetMemory(of: infoHash, pieces)
        }
        torrent.loop.execute { torrent.assumeIsolated { $0.remove(pieces) } }
    }

    /// As `whileCold`, but a torrent that is not cold is left alone.
    ///
    /// - Returns: false if it was not cold.
    func ifCold(_ body: () async -> Void) async -> Bool {
        guard case .held = hold() else { return false }
        await body()
        rest { state in
            if case .held = state.phase { return true }
            return false
        }
        return true
    }

    /// Forgets pieces from the end of the torrent: whoever opens it again begins at its front.
    private func giveUpCold(
        _ promised: UInt64,
        _ candidate: CacheBudget.Candidate,
        in space: CacheSpace
    ) async {
        let resources = activation.resources
        let infoHash = infoHash
        var freed: UInt64 = 0
        var isEmpty = false
        let pinned = pinned
        let wasCold = await ifCold {
            let result = try? await resources.pool.run {
                try freeColdPieces(of: infoHash, promised, keeping: pinned.part, resources)
            }
            freed = result?.freed ?? 0
            isEmpty = result?.isEmpty ?? false
        }
        if isEmpty { set(.holdsPieces, false) }
        // Who pins it later wants the rest.
        if isEmpty || freed > 0 { set(.isComplete, false) }
        // Else it is at work by now, and asked again.
        let oldest = wasCold ? (isEmpty ? nil : candidate.moment) : CacheSpace.moment
        space.ended(infoHash, promised: promised, freed: freed, oldest: oldest)
    }
}

/// Frees about as many bytes, of a torrent that is not at work.
///
/// Waits for the disk.
///
/// - Parameter pinned: numbers of the files that are kept; `nil` for none.
/// - Returns: the bytes that it has less, and whether it has nothing any more.
private func freeColdPieces(
    of infoHash: InfoHash,
    _ byteCount: UInt64,
    keeping pinned: [ClosedRange<Int>]?,
    _ resources: SessionResources
) throws -> (freed: UInt64, isEmpty: Bool) {
    resources.journal.flush()
    let before = resources.space.heldByteCount(of: infoHash)
    guard let use = try resources.store.cacheUse(of: infoHash), use.pieceLength > 0 else {
        return (0, true)
    }
    let count = Int(byteCount / UInt64(use.pieceLength)) + 1
    let kept = try pinned.flatMap { files in
        try resources.store.torrent(infoHash).map { record in
            PieceSelection(files: files, of: try Metainfo(record).info)
        }
    }
    let pieces = try resources.store.forgetLastPieces(of: infoHash, count: count) { piece in
        kept?[piece] ?? false
    }
    if pieces.isEmpty, kept != nil { return (0, false) }
    guard !pieces.isEmpty else {
        // Nothing is recorded of what is there.
        try resources.cache.removeStore(of: infoHash)
        return (before, true)
    }
    let after =
        try resources.cache.free(pieces, of: infoHash, pieceLength: use.pieceLength) ?? 0
    return (before - min(before, after), after == 0)
}
