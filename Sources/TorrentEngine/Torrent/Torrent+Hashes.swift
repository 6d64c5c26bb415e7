import BitTorrentProtocol
import Glibc
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

// Blocks that are verified one by one, and the hashes that peers want (BEP 52).
extension Torrent {
    /// A block whose hash is known.
    struct Provable: Sendable {
        let block: Block
        let leaf: SHA256Digest
        /// Where it begins in the torrent.
        let offset: UInt64
        let payload: ByteBuffer
    }

    /// The block is hashed when the turn is over, together with others.
    func prove(_ block: Block, leaf: SHA256Digest) {
        guard let payload = buffers.take(block) else {
            logger.error("a block is lost", metadata: ["piece": "\(block.piece.rawValue)"])
            return loop.execute { self.run { $0.failed(block.piece, because: nil) } }
        }
        let offset = info.geometry.offset(of: block.piece) + UInt64(block.offset)
        provables.append(Provable(block: block, leaf: leaf, offset: offset, payload: payload))
    }

    /// Jobs of the disk pool at a time.
    ///
    /// What comes meanwhile is one job when one of them is done: a busy pool gets few jobs of many
    /// blocks.
    private static let maximumProofs = 2

    /// Hashes the blocks that have come on the disk pool and writes those that are right.
    func proveGathered() {
        guard !provables.isEmpty, proofCount < Self.maximumProofs else { return }
        delayedProvables += provables.filter { evicting.contains($0.block.piece) }
        let gathered = provables.filter { !evicting.contains($0.block.piece) }
        provables = []
        guard !gathered.isEmpty else { return }
        let stored = stored
        let pieces = Set(gathered.map(\.block.piece))
        // Until its blocks are published, as in `verify`.
        for piece in pieces { published.hold(piece) }
        verificationCount += 1
        proofCount += 1
        resources.pool.run(on: loop) {
            let right = gathered.map { PieceVerifier.leaves(of: [$0.payload]) == [$0.leaf] }
            try stored.keep(zip(gathered, right).filter(\.1).map(\.0))
            return right
        }.whenComplete { result in
            self.assumeIsolated { torrent in
                torrent.diskJobEnded()
                torrent.proofCount -= 1
                torrent.finishProving(gathered, result)
                for piece in pieces {
                    torrent.published.release(torrent.info.geometry.range(of: piece))
                }
            }
        }
    }

    private func finishProving(_ provables: [Provable], _ result: Result<[Bool], any Error>) {
        guard !isStopped else { return }
        switch result {
        case .success(let right):
            let blocks = provables.map(\.block)
            take(
                proved: zip(blocks, right).filter(\.1).map(\.0),
                refuted: zip(blocks, right).filter { !$0.1 }.map(\.0)
            )
        case .failure(let error):
            for piece in Set(provables.map(\.block.piece)).sorted() {
                failed(piece, because: error)
            }
        }
    }

    private func take(proved: [Block], refuted: [Block]) {
        published.insert(proved, at: CacheSpace.moment)
        for block in refuted {
            logger.warning(
                "a block is wrong and will be fetched again",
                metadata: ["piece": "\(block.piece.rawValue)", "offset": "\(block.offset)"]
            )
        }
        turn { now in
            for block in proved {
                let hadPiece = swarm.have[block.piece]
                swarm.proved(block, now: now)
                if swarm.have[block.piece], !hadPiece { publish(block.piece) }
            }
            for block in refuted { swarm.refuted(block, now: now) }
            for block in proved {
                let start = info.geometry.offset(of: block.piece) + UInt64(block.offset)
                tellWaits(about: start..<start + UInt64(block.length), now: now)
            }
            if published.isComplete { announcing.schedule.completed(now: now) }
        }
    }

    // MARK: Hashes

    /// Makes the hashes of a file's pieces durable, which have come from peers.
    func keepLayer(_ root: SHA256Digest) {
        guard let layer = swarm.knownHashes?.layers[root] else { return }
        lacksHashes = false
        let (store, infoHash, logger) = (resources.store, infoHash, logger)
        resources.pool.run(on: loop) {
            do {
                try store.recordPieceLayers([root: layer], of: infoHash)
            } catch {
                logger.error("the hashes of pieces are not recorded: \(error)")
            }
        }.whenComplete { _ in }
    }

    /// One line for a series of refusals.
    func noteLackOfHashes() {
        guard !lacksHashes else { return }
        lacksHashes = true
        logger.warning(
            "no peer gives the hashes of pieces, which the torrent file has: nothing can be verified"
        )
    }

    /// Sends a peer the hashes that it wants, made of the bytes in the cache.
    func answerHashes(_ answer: HashAnswer, to key: PeerKey) {
        let (stored, published, geometry) = (stored, published, info.geometry)
        let pieces = answer.pieces.map { PieceIndex($0) }
        // What is not checked may be wrong, and so would be its hashes.
        guard !pieces.contains(where: published.isUnchecked) else {
            return loop.execute {
                self.run { torrent in
                    let error = StorageError(.read, "unchecked pieces", code: ESTALE)
                    torrent.finishAnswering(answer, to: key, with: .failure(error))
                }
            }
        }
        for piece in pieces { published.hold(piece) }
        resources.pool.run(on: loop) {
            defer { for piece in pieces { published.release(geometry.range(of: piece)) } }
            let leaves = try pieces.flatMap { piece in
                PieceVerifier.leaves(of: [try stored.read(geometry.range(of: piece))])
            }
            return answer.hashes(leaves: leaves)
        }.whenComplete { result in
            self.assumeIsolated { $0.finishAnswering(answer, to: key, with: result) }
        }
    }

    private func finishAnswering(
        _ answer: HashAnswer,
        to key: PeerKey,
        with result: Result<[SHA256Digest], any Error>
    ) {
        guard !isStopped else { return }
        switch result {
        case .success(let hashes): links[key]?.send(.hashes(answer.request, hashes))
        case .failure(let error):
            logger.error("hashes cannot be given: \(error)")
            links[key]?.send(.hashReject(answer.request))
        }
        links[key]?.flush()
        turn { now in swarm.answeredHashes(to: key, now: now) }
    }
}
