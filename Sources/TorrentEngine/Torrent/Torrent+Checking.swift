import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import TorrentLogic

// Whether cached pieces are what they should be.
extension Torrent {
    /// Hashes the pieces that are about to be read and were not since the last unclean end.
    func checkPieces(covering range: Range<UInt64>) {
        guard published.hasUnchecked else { return }
        let inside = range.clamped(to: 0..<info.geometry.totalLength)
        for piece in info.geometry.pieces(covering: inside).map({ PieceIndex($0) }) {
            check(piece)
        }
    }

    /// Hashes cached pieces, whatever is known of them; damaged ones go.
    ///
    /// Who reads them meanwhile waits for it.
    ///
    /// - Returns: what it brought of those that are on the disk.
    func verify(_ pieces: [PieceIndex]) async -> CacheVerification {
        await withTaskGroup(of: (PieceIndex, Bool?).self) { group in
            for piece in pieces { group.addTask { (piece, await self.isRight(piece)) } }
            var result = CacheVerification()
            for await (piece, isRight) in group {
                guard let isRight else { continue }
                result.add(info.geometry.length(of: piece), isRight: isRight)
            }
            return result
        }
    }

    /// - Returns: `nil` if the piece is not on the disk, or the torrent has ended.
    private func isRight(_ piece: PieceIndex) async -> Bool? {
        guard !isStopped, published.distrust(piece) else { return nil }
        return await withCheckedContinuation { continuation in
            afterCheck[piece, default: []].append(continuation)
            check(piece)
        }
    }

    func check(_ piece: PieceIndex) {
        guard published.isUnchecked(piece), checking.insert(piece).inserted else { return }
        let root = swarm.knownHashes?.hash(of: piece)
        guard let hash = info.hash(of: piece, merkleRoot: root) else {
            // Never within the caller's turn.
            published.hold(piece)
            return loop.execute { self.run { $0.checked(piece, isRight: false) } }
        }
        let (storage, range) = (storage, info.geometry.range(of: piece))
        published.hold(piece)
        resources.pool.run(on: loop) {
            PieceVerifier.matches([try storage.source().read(range)], hash)
        }.whenComplete { result in
            self.assumeIsolated { $0.checked(piece, isRight: (try? result.get()) ?? false) }
        }
    }

    private func checked(_ piece: PieceIndex, isRight: Bool) {
        published.release(info.geometry.range(of: piece))
        checking.remove(piece)
        for caller in afterCheck.removeValue(forKey: piece) ?? [] {
            caller.resume(returning: isStopped ? nil : isRight)
        }
        let runs = (servesAfterCheck.removeValue(forKey: piece) ?? []).filter {
            links[$0.key] != nil
        }
        guard !isStopped else { return }
        if isRight {
            published.checked(piece)
            turn { now in
                tellWaits(about: info.geometry.range(of: piece), now: now)
                for run in runs { serve(run) }
            }
        } else {
            logger.warning(
                "a cached piece is damaged and will be fetched again",
                metadata: ["piece": "\(piece.rawValue)"]
            )
            remove([piece])
            if published.isUnchecked(piece) { checkLater(piece) }
            turn { now in
                for run in runs {
                    for block in run.blocks { swarm.serveFailed(block, to: run.key, now: now) }
                }
            }
        }
    }

    /// Somebody has begun to read the damaged piece before it was suspected, and reads it still.
    private func checkLater(_ piece: PieceIndex) {
        loop.scheduleTask(in: .milliseconds(100)) { [weak self] () -> Void in
            self?.assumeIsolated { torrent in
                if !torrent.isStopped { torrent.check(piece) }
            }
        }
    }
}
