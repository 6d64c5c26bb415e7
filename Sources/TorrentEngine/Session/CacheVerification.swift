package import BitTorrentProtocol
import NIOCore
package import PieceStorage
package import StateStore
import TorrentLogic

/// What hashing cached pieces has brought.
package struct CacheVerification: Equatable, Sendable {
    /// Pieces that were hashed.
    package var checked = 0
    /// Of them, those that are not what they should be, or cannot be read, and are forgotten.
    package var damaged = 0
    /// Bytes of the pieces that were hashed.
    package var byteCount: UInt64 = 0

    package init() {}

    package static func += (left: inout Self, right: Self) {
        left.checked += right.checked
        left.damaged += right.damaged
        left.byteCount += right.byteCount
    }

    mutating func add(_ length: UInt32, isRight: Bool) {
        checked += 1
        if !isRight { damaged += 1 }
        byteCount += UInt64(length)
    }
}

/// Takes what was hashed so far, and of how many pieces.
package typealias CacheVerificationProgress =
    @Sendable (_ soFar: CacheVerification, _ pieceCount: Int) async throws -> Void

/// The cached pieces of a torrent that are to be hashed: a batch at a time, since whoever reads them
/// waits as long as a batch takes.
struct VerificationPlan {
    private static let batchByteCount: UInt64 = 16 << 20

    let metainfo: Metainfo
    let pieces: [PieceIndex]
    /// They are all that are recorded.
    let isWhole: Bool

    /// Waits for the disk.
    ///
    /// - Parameter files: numbers of the files whose pieces are meant; `nil` for all.
    /// - Returns: `nil` if there is no such torrent.
    init?(_ infoHash: InfoHash, files: [ClosedRange<Int>]?, in store: StateStore) throws {
        guard let record = try store.torrent(infoHash) else { return nil }
        metainfo = try Metainfo(record)
        let geometry = metainfo.info.geometry
        let selection = files.map { [info = metainfo.info] in PieceSelection(files: $0, of: info) }
        pieces = try store.completedPieces(of: infoHash, count: geometry.pieceCount).pieces
            .filter { selection?[$0] ?? true }
        isWhole = files == nil
    }

    var batches: [[PieceIndex]] {
        let count = Int(max(1, Self.batchByteCount / UInt64(metainfo.info.geometry.pieceLength)))
        return stride(from: 0, to: pieces.count, by: count).map { start in
            Array(pieces[start..<min(start + count, pieces.count)])
        }
    }

    /// Hashes pieces of the torrent, which is not at work; no record says any more that damaged ones
    /// are there.
    ///
    /// Waits for the disk.
    func verify(
        _ batch: [PieceIndex],
        in cache: CacheDirectory,
        _ journal: CompletionJournal
    ) throws -> CacheVerification {
        let (info, infoHash) = (metainfo.info, metainfo.infoHash)
        var result = CacheVerification()
        var damaged: [PieceIndex] = []
        // Where there is nothing, none is made.
        let source: (any PieceSource)? =
            cache.heldBytes(of: infoHash) == nil
            ? nil
            : try? cache.store(
                of: infoHash,
                pieceLength: info.geometry.pieceLength,
                length: info.geometry.paddedLength
            )
        for piece in batch {
            let root = info.merkleRoot(of: piece, in: metainfo.pieceLayers)
            let bytes = try? source?.read(info.geometry.range(of: piece))
            let isRight =
                info.hash(of: piece, merkleRoot: root).flatMap { hash in
                    bytes.map { PieceVerifier.matches([$0], hash) }
                } ?? false
            result.add(info.geometry.length(of: piece), isRight: isRight)
            if !isRight { damaged.append(piece) }
        }
        if damaged.isEmpty { return result }
        try journal.forget(damaged, of: infoHash)
        // What is left of them goes when the torrent is taken up the next time.
        _ = try? cache.free(damaged, of: infoHash, pieceLength: info.geometry.pieceLength)
        return result
    }
}

/// Hashes what is cached of a torrent while no session has the state.
///
/// Waits for the disk.
///
/// - Parameter files: numbers of the files whose pieces are meant; `nil` for all.
package func verifyCache(
    of infoHash: InfoHash,
    files: [ClosedRange<Int>]?,
    in cache: CacheDirectory,
    store: StateStore,
    progress: CacheVerificationProgress
) async throws -> CacheVerification {
    var result = CacheVerification()
    guard let plan = try VerificationPlan(infoHash, files: files, in: store) else { return result }
    let journal = CompletionJournal(store: store) { _ in }
    for batch in plan.batches {
        try await progress(result, plan.pieces.count)
        result += try plan.verify(batch, in: cache, journal)
    }
    if plan.isWhole, cache.heldBytes(of: infoHash) != nil {
        // Or the next run would trust bytes that are in memory alone if the power fails before.
        let geometry = plan.metainfo.info.geometry
        try cache.store(
            of: infoHash,
            pieceLength: geometry.pieceLength,
            length: geometry.paddedLength
        ).synchronize()
        try store.setChecked(infoHash, in: store.nextRun(boot: Session.boot))
    }
    return result
}

extension Session {
    /// Hashes what is cached of a torrent, whether it is at work or not; damaged pieces are fetched
    /// again when they are read, or at once if they are pinned.
    ///
    /// - Parameter files: numbers of the files whose pieces are meant; `nil` for all.
    package func verifyCache(
        of infoHash: InfoHash,
        files: [ClosedRange<Int>]?,
        progress: CacheVerificationProgress
    ) async throws -> CacheVerification {
        var result = CacheVerification()
        let (journal, store) = (resources.journal, store)
        let found = try await resources.pool.run {
            journal.flush()
            return try VerificationPlan(infoHash, files: files, in: store)
        }
        guard let plan = found else { return result }
        for batch in plan.batches {
            try await progress(result, plan.pieces.count)
            guard let torrent = torrent(infoHash) else { break }
            result += try await verify(batch, of: torrent, plan)
        }
        if plan.isWhole, let torrent = torrent(infoHash) {
            let run = resources.space.run
            // One at work knows by itself which pieces are checked.
            _ = await torrent.ifCold {
                _ = try? await self.resources.pool.run { try store.setChecked(infoHash, in: run) }
            }
        }
        if result.damaged > 0, let torrent = torrent(infoHash) {
            torrent.set(.isComplete, false)
            pinsChanged(torrent)
        }
        return result
    }

    private func verify(
        _ batch: [PieceIndex],
        of torrent: RegisteredTorrent,
        _ plan: VerificationPlan
    ) async throws -> CacheVerification {
        while true {
            try Task.checkCancellation()
            if let active = torrent.active { return await active.verify(batch) }
            var result: Result<CacheVerification, any Error>?
            let wasCold = await torrent.ifCold { result = await self.verifyCold(batch, plan) }
            if wasCold, let result { return try result.get() }
            // On its way between the two, or over.
            if torrent.isOver { return CacheVerification() }
            await torrent.settle()
        }
    }

    private func verifyCold(
        _ batch: [PieceIndex],
        _ plan: VerificationPlan
    ) async -> Result<CacheVerification, any Error> {
        let (cache, journal, space) = (resources.cache, resources.journal, resources.space)
        let infoHash = plan.metainfo.infoHash
        do {
            return .success(
                try await resources.pool.run {
                    let result = try plan.verify(batch, in: cache, journal)
                    if result.damaged > 0 {
                        let held = cache.heldBytes(of: infoHash) ?? 0
                        let before = space.heldByteCount(of: infoHash)
                        space.ended(
                            infoHash,
                            promised: 0,
                            freed: before - min(before, held),
                            oldest: nil
                        )
                    }
                    return result
                }
            )
        } catch {
            return .failure(error)
        }
    }
}
