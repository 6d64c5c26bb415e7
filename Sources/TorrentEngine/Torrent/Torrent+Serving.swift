import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import TorrentLogic

// The payload that peers get.
extension Torrent {
    /// Sends the blocks of a turn: at once what the page cache has, the rest when the disk pool has
    /// read it.
    func serveGathered() {
        for run in servables.take() { serve(run) }
    }

    func serve(_ run: ServingRuns.Run) {
        let piece = run.blocks[0].piece
        if published.isUnchecked(piece) {
            servesAfterCheck[piece, default: []].append(run)
            return check(piece)
        }
        let range = run.range(in: info.geometry)
        // Nothing is evicted in this turn.
        if !published.isInMemory(piece), let bytes = stored.readIfCached(range) {
            return send(bytes, of: run)
        }
        let (stored, published, held) = (stored, published, info.geometry.range(of: piece))
        published.hold(piece)
        resources.pool.run(on: loop) {
            defer { published.release(held) }
            return try stored.read(range)
        }.whenComplete { result in
            self.assumeIsolated { $0.finishServing(run, with: result) }
        }
    }

    private func finishServing(_ run: ServingRuns.Run, with result: Result<ByteBuffer, any Error>) {
        switch result {
        case .success(let bytes):
            send(bytes, of: run)
            links[run.key]?.flush()
        case .failure(let error):
            resources.space.complain("a block cannot be served", error)
            // What cannot be read is not there.
            if storage.isCache { remove([run.blocks[0].piece]) }
            guard links[run.key] != nil, !isStopped else { return }
            turn { now in
                for block in run.blocks { swarm.serveFailed(block, to: run.key, now: now) }
            }
        }
    }

    private func send(_ bytes: ByteBuffer, of run: ServingRuns.Run) {
        guard let link = links[run.key] else { return }
        flushLater(link)
        uploadedByteCount += UInt64(bytes.readableBytes)
        link.send(bytes, of: run.blocks).whenComplete { _ in
            // A write may complete within the turn that made it.
            self.loop.execute { self.run { $0.served(run) } }
        }
    }

    private func served(_ run: ServingRuns.Run) {
        guard links[run.key] != nil, !isStopped else { return }
        turn { now in
            for block in run.blocks { swarm.served(block, to: run.key, now: now) }
        }
    }
}
