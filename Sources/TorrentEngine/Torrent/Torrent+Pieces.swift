import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

extension Torrent {
    private enum Verdict: Sendable {
        case verified(blockDigests: [UInt64], PieceCopies?)
        case rejected(blockDigests: [UInt64], [ByteBuffer], PieceCopies?)
        /// Of a hybrid torrent, whose two hashes differ.
        case contradictory
    }

    /// Hashes a piece on the disk pool and writes it if it is right.
    func verify(_ piece: PieceIndex) {
        guard !evicting.contains(piece) else { return delayedVerifications.append(piece) }
        let copies = swarm.copies(of: piece)
        let blocks =
            copies == nil ? buffers.take(piece)?.map { [$0] } : buffers.copies(of: piece)
        guard let blocks, copies.map({ $0.senders.map(\.count) == blocks.map(\.count) }) ?? true
        else {
            logger.error("a piece has lost a block", metadata: ["piece": "\(piece.rawValue)"])
            return loop.execute { self.run { $0.failed(piece, because: nil) } }
        }
        let stored = stored
        let root = swarm.knownHashes?.hash(of: piece)
        guard let hash = info.hash(of: piece, merkleRoot: root) else {
            return loop.execute { self.run { $0.failed(piece, because: nil) } }
        }
        let wantsDigests = swarm.wantsBlockDigests(of: piece)
        verificationCount += 1
        // Until it is published, or memory could drop it before and it would count as there.
        published.hold(piece)
        let verdict = resources.pool.run(on: loop) { () throws -> Verdict in
            if let copies {
                let (right, known) = Self.search(copies, of: blocks, for: hash)
                guard let right else { return .rejected(blockDigests: [], [], known) }
                try stored.keep(zip(blocks, right).map { $0[$1] }, of: piece)
                return .verified(blockDigests: known.digests(of: right), known)
            }
            let blocks = blocks.map { $0[0] }
            switch PieceVerifier.verdict(on: blocks, hash) {
            case .right: break
            case .wrong:
                return .rejected(blockDigests: PieceVerifier.blockDigests(blocks), blocks, nil)
            case .contradictory: return .contradictory
            }
            try stored.keep(blocks, of: piece)
            let digests = wantsDigests ? PieceVerifier.blockDigests(blocks) : []
            return .verified(blockDigests: digests, nil)
        }
        verdict.whenComplete { result in
            self.assumeIsolated { torrent in
                torrent.diskJobEnded()
                defer { torrent.published.release(torrent.info.geometry.range(of: piece)) }
                switch result {
                case .success(.verified(let digests, let copies)):
                    torrent.verified(piece, digests, copies)
                case .success(.rejected(let digests, let blocks, let copies)):
                    torrent.rejected(piece, digests, blocks, copies)
                case .success(.contradictory): torrent.foundContradiction(in: piece)
                case .failure(let error): torrent.failed(piece, because: error)
                }
            }
        }
    }

    /// Looks for the right ones among the copies of a piece's blocks.
    ///
    /// - Returns: their numbers, by block; the copies with their digests.
    private static func search(
        _ copies: PieceCopies,
        of blocks: [[ByteBuffer]],
        for hash: PieceHash
    ) -> (right: [Int]?, copies: PieceCopies) {
        var copies = copies
        for (number, block) in blocks.enumerated() {
            let unknown = block[copies.digests[number].count...]
            for digest in PieceVerifier.blockDigests(Array(unknown)) {
                copies.know(digest, of: number)
            }
        }
        let right = copies.search { selection in
            PieceVerifier.matches(zip(blocks, selection).map { $0[$1] }, hash)
        }
        return (right, copies)
    }

    private func verified(_ piece: PieceIndex, _ blockDigests: [UInt64], _ copies: PieceCopies?) {
        guard !isStopped else {
            // The bytes are on disk; after a removal nobody will ask for them.
            if published.condition == .active, !published.isInMemory(piece) {
                resources.journal.record(piece, of: infoHash)
            }
            return
        }
        publish(piece)
        if lifecycle.policy.isPinned { resources.pins.progressed(infoHash) }
        turn { now in
            swarm.verified(piece, blockDigests: blockDigests, copies: copies, now: now)
            tellWaits(about: info.geometry.range(of: piece), now: now)
            if published.isComplete { announcing.schedule.completed(now: now) }
        }
    }

    /// The bytes of the piece are verified and kept.
    func publish(_ piece: PieceIndex) {
        published.insert(piece, at: CacheSpace.moment)
        // What is in memory alone is gone with the process.
        guard !published.isInMemory(piece) else { return }
        stored.endPlace(of: piece)
        resources.journal.record(piece, of: infoHash)
    }

    /// Nobody lies but whoever made the torrent: it is tried again, for one part of it may be right.
    private func foundContradiction(in piece: PieceIndex) {
        logger.error(
            "the torrent contradicts itself: its hashes of version 1 and 2 are of different bytes",
            metadata: ["piece": "\(piece.rawValue)"]
        )
        failed(piece, because: nil)
    }

    private func rejected(
        _ piece: PieceIndex,
        _ blockDigests: [UInt64],
        _ blocks: [ByteBuffer],
        _ copies: PieceCopies?
    ) {
        // Of one with copies it is said once.
        if copies == nil || !swarm.wantsBlockDigests(of: piece) {
            logger.warning(
                "a piece is wrong and will be fetched again",
                metadata: ["piece": "\(piece.rawValue)"]
            )
        }
        guard !isStopped else { return }
        turn { now in
            let kept = swarm.rejected(piece, blockDigests: blockDigests, copies: copies, now: now)
            for number in kept {
                let block = info.geometry.block(number, of: piece)
                buffers.store(blocks[number], of: block, blockCount: blocks.count)
            }
        }
    }

    func failed(_ piece: PieceIndex, because error: (any Error)?) {
        guard !isStopped else { return }
        buffers.discard(piece)
        if let error { logger.error("a piece cannot be kept: \(error)") }
        turn { now in
            swarm.writeFailed(piece, now: now)
            for token in waits.fail(info.geometry.range(of: piece), with: .failed) {
                swarm.waitEnded(WaitID(rawValue: token.rawValue), now: now)
            }
        }
    }
}
