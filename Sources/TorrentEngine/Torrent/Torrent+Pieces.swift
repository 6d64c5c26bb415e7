import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

extension Torrent {
    private enum Verdict: Sendable {
        case verified(blockDigests: [UInt64])
        case rejected(blockDigests: [UInt64], [ByteBuffer])
        /// Of a hybrid torrent, whose two hashes differ.
        case contradictory
    }

    /// Hashes a piece on the disk pool and writes it if it is right.
    func verify(_ piece: PieceIndex) {
        guard !evicting.contains(piece) else { return delayedVerifications.append(piece) }
        guard let blocks = buffers.take(piece) else {
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
            switch PieceVerifier.verdict(on: blocks, hash) {
            case .right: break
            case .wrong:
                return .rejected(blockDigests: PieceVerifier.blockDigests(blocks), blocks)
            case .contradictory: return .contradictory
            }
            try stored.keep(blocks, of: piece)
            return .verified(blockDigests: wantsDigests ? PieceVerifier.blockDigests(blocks) : [])
        }
        verdict.whenComplete { result in
            self.assumeIsolated { torrent in
                torrent.diskJobEnded()
                defer { torrent.published.release(torrent.info.geometry.range(of: piece)) }
                switch result {
                case .success(.verified(let digests)): torrent.verified(piece, digests)
                case .success(.rejected(let digests, let blocks)):
                    torrent.rejected(piece, digests, blocks)
                case .success(.contradictory): torrent.foundContradiction(in: piece)
                case .failure(let error): torrent.failed(piece, because: error)
                }
            }
        }
    }

    private func verified(_ piece: PieceIndex, _ blockDigests: [UInt64]) {
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
            swarm.verified(piece, blockDigests: blockDigests, now: now)
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
        _ blocks: [ByteBuffer]
    ) {
        logger.warning(
            "a piece is wrong and will be fetched again",
            metadata: ["piece": "\(piece.rawValue)"]
        )
        guard !isStopped else { return }
        turn { now in
            for number in swarm.rejected(piece, blockDigests: blockDigests, now: now) {
                let block = info.geometry.block(number, of: piece)
                buffers.store(blocks[number], of: block, blockCount: blocks.count)
            }
        }
    }

    func failed(_ piece: PieceIndex, because error: (any Error)?) {
        guard !isStopped else { return }
        if let error { logger.error("a piece cannot be kept: \(error)") }
        turn { now in
            swarm.writeFailed(piece, now: now)
            for token in waits.fail(info.geometry.range(of: piece), with: .failed) {
                swarm.waitEnded(WaitID(rawValue: token.rawValue), now: now)
            }
        }
    }
}
