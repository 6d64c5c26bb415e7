import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import Synchronization
import TorrentLogic

// Pieces that go: evicted, damaged, or in memory without room there. Peers are told first, then no
// record says that they are here, and only then their bytes go.
extension Torrent {
    /// Gives up the pieces that were read longest ago.
    ///
    /// - Parameter promised: so many bytes of the disk.
    func giveUp(_ candidate: CacheBudget.Candidate, promised: UInt64) {
        guard !isStopped else {
            return resources.space.ended(
                infoHash,
                promised: promised,
                freed: 0,
                oldest: CacheSpace.moment
            )
        }
        let kept = swarm.wantedPieces
        let places = stored.places
        let left = places.keys.filter(isLeftBehind)
        let pieces =
            left
            + published.takeOldest(
                promised,
                until: candidate.until,
                at: CacheSpace.moment,
                partial: places
            ) { piece in
                stored.isPinned(piece) || swarm.isUnfinished(piece)
                    || kept.contains { $0.contains(Int(piece.rawValue)) }
            }
        logger.debug("evicting", metadata: ["pieces": "\(pieces.count)"])
        removeTaken(pieces, inMemory: []) { freed in
            self.resources.space.ended(
                self.infoHash,
                promised: promised,
                freed: freed,
                oldest: self.published.oldestMoment
            )
        }
    }

    /// Whether the piece is gone for everybody but its bytes could not be freed.
    private func isLeftBehind(_ piece: PieceIndex) -> Bool {
        !evicting.contains(piece) && !published.holdsAny(of: piece) && !swarm.isUnfinished(piece)
    }

    /// Removes pieces whose bytes are wrong or in memory alone, unless somebody reads them just now.
    func remove(_ pieces: [PieceIndex]) {
        guard !isStopped else { return }
        let space = resources.space
        // Two readers may have found the same; what is gone is being fetched by now.
        let present = pieces.filter(published.holdsAny)
        let inMemory = Set(present.filter(published.isInMemory))
        let taken = published.remove(present)
        guard !taken.isEmpty else { return }
        removeTaken(taken, inMemory: inMemory) { freed in
            space.ended(
                self.infoHash,
                promised: 0,
                freed: freed,
                oldest: self.published.oldestMoment
            )
        }
        // Nothing that is pinned goes otherwise.
        if taken.contains(where: stored.isPinned) { countPinnedPart() }
    }

    /// What follows once the pieces are gone for readers.
    ///
    /// - Parameters:
    ///   - inMemory: those of the pieces that are not on the disk.
    ///   - ended: is told how many bytes of the disk are free.
    private func removeTaken(
        _ pieces: [PieceIndex],
        inMemory: Set<PieceIndex>,
        ended: @escaping @Sendable (UInt64) -> Void
    ) {
        guard !pieces.isEmpty else { return ended(0) }
        evicting.formUnion(pieces)
        let geometry = info.geometry
        var room: [PieceIndex: UInt64] = [:]
        for piece in pieces {
            let whole = inMemory.contains(piece) ? nil : geometry.diskByteCount(of: piece)
            room[piece] = stored.endPlace(of: piece) ?? whole
        }
        let (places, cost) = (room, room.values.reduce(0, +))
        resources.space.forgetMemory(of: infoHash, pieces)
        verificationCount += 1
        turn { now in swarm.lost(pieces, now: now) }
        let (storage, journal, infoHash) = (storage, resources.journal, infoHash)
        resources.pool.run(on: loop) {
            try journal.forget(pieces, of: infoHash)
            let store = try storage.pieceStore()
            for run in PieceRun.runs(of: pieces) {
                try store.free(run.byteRange(pieceLength: geometry.pieceLength))
            }
        }.whenComplete { result in
            if case .failure = result { self.stored.keepPlaces(places) }
            self.assumeIsolated { $0.removed(pieces, result) }
            if case .success = result { ended(cost) } else { ended(0) }
        }
    }

    private func removed(_ pieces: [PieceIndex], _ result: Result<Void, any Error>) {
        diskJobEnded()
        evicting.subtract(pieces)
        if case .failure(let error) = result {
            resources.space.complain("the space of pieces that are gone is not free", error)
        }
        guard !isStopped else { return }
        let due = delayedVerifications.filter { !evicting.contains($0) }
        delayedVerifications.removeAll { due.contains($0) }
        for piece in due { verify(piece) }
        if !delayedProvables.isEmpty {
            let blocks = delayedProvables.filter { !evicting.contains($0.block.piece) }
            delayedProvables.removeAll { !evicting.contains($0.block.piece) }
            provables += blocks
        }
        // Who pins it later wants the rest.
        registration.set(.isComplete, false)
        // The blocks are proved at its end, and the torrent may be idle now.
        turn { _ in }
    }

    /// To be called once for each `verificationCount`.
    func diskJobEnded() {
        verificationCount -= 1
        guard verificationCount == 0 else { return }
        for waiting in diskJobWaits { waiting.resume() }
        diskJobWaits = []
    }

    /// Returns when no bytes of this torrent are about to come or to go any more.
    func diskJobsEnded() async {
        guard verificationCount > 0 else { return }
        await withCheckedContinuation { diskJobWaits.append($0) }
    }

    // MARK: Records

    /// Makes durable how the cache was used, when the torrent goes cold.
    func keepCacheUse() {
        guard published.condition == .active, case .cache = storage else { return }
        let space = resources.space
        let use = StateStore.CacheUse(
            pieceLength: info.geometry.pieceLength,
            lastRead: lastRead.load(ordering: .relaxed),
            checkedRun: published.hasUnchecked ? -1 : space.run
        )
        let (store, infoHash, logger) = (resources.store, infoHash, logger)
        resources.pool.run(on: loop) {
            do {
                try store.setCacheUse(use, of: infoHash)
            } catch {
                logger.error("the use of the cache is not recorded: \(error)")
            }
        }.whenComplete { _ in }
    }

    /// Blocks of pieces that are not whole are of no use later, and their room is: they go.
    ///
    /// Waits for the disk.
    func freePartialPieces() async {
        let (places, storage, length) = (stored.places, storage, info.geometry.pieceLength)
        guard !places.isEmpty else { return }
        let pieces = published.remove(Array(places.keys))
        let cost: UInt64 = pieces.reduce(0) { $0 + (stored.endPlace(of: $1) ?? 0) }
        let freed = try? await resources.pool.run { () throws -> UInt64 in
            let store = try storage.pieceStore()
            for run in PieceRun.runs(of: pieces) {
                try store.free(run.byteRange(pieceLength: length))
            }
            return cost
        }
        resources.space.ended(infoHash, promised: 0, freed: freed ?? 0, oldest: nil)
    }
}
