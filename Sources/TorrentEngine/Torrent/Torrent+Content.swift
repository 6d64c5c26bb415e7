import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import Synchronization
import TorrentLogic

// What readers on other threads use, through the registered torrent.
extension Torrent {
    /// Appends bytes that are published and that the page cache has.
    nonisolated func readIfCached(
        _ range: Range<UInt64>,
        into buffer: inout ByteBuffer
    ) throws(TorrentReadError) -> Bool {
        guard published.condition == .active else { throw .removed }
        guard !range.isEmpty else { return true }
        guard let claim = published.claim(range, at: CacheSpace.moment) else {
            throw .notVerified
        }
        guard !claim.isInMemory else { return false }
        let end = buffer.writerIndex
        guard stored.readIfCached(range, into: &buffer) else { return false }
        guard published.isValid(claim) else {
            buffer.moveWriterIndex(to: end)
            return false
        }
        return true
    }

    /// Reads bytes that are published, on a disk thread.
    nonisolated func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(TorrentReadError) -> EventLoopFuture<ByteBuffer> {
        guard published.condition == .active else { throw .removed }
        guard !range.isEmpty else { return loop.makeSucceededFuture(ByteBuffer()) }
        guard let hold = PieceHold(range, of: published) else { throw .notVerified }
        let stored = stored
        return resources.pool.run(on: loop) {
            try withExtendedLifetime(hold) { try stored.read(range) }
        }.flatMapErrorThrowing { error in throw self.readingFailed(range, error) }
    }

    /// What a reader is told whose bytes cannot be read: of the cache they are fetched again.
    nonisolated private func readingFailed(
        _ range: Range<UInt64>,
        _ error: any Error
    ) -> TorrentReadError {
        guard storage.isCache else {
            logger.error("reading failed: \(error)")
            return .storage((error as? StorageError)?.reason ?? "\(error)")
        }
        resources.space.complain("what cannot be read of the cache is fetched again", error)
        if let error = error as? StorageError, error.code != 0 {
            // Else what comes again would be written again, and could not be read again.
            resources.space.isFaulty(error)
        }
        let inside = range.clamped(to: 0..<info.geometry.totalLength)
        let pieces = info.geometry.pieces(covering: inside).map { PieceIndex($0) }
        loop.execute { self.run { $0.remove(pieces) } }
        return .notVerified
    }

    /// Takes what a reader told.
    ///
    /// Never runs the torrent within the caller's turn, so that `notify` is not called before
    /// `wait` has returned, and that a lock may be held.
    nonisolated func post(_ message: ReaderMailbox.Message) {
        if case .read = message {
            wasRead.store(true, ordering: .relaxed)
            lastRead.store(CacheSpace.moment, ordering: .relaxed)
            // Nothing is left to fetch.
            if published.isComplete { return }
        }
        guard mailbox.post(message) else { return }
        loop.execute { self.assumeIsolated { $0.takeMail() } }
    }

    private func takeMail() {
        let mail = mailbox.take()
        turn { now in
            for message in mail { take(message, now: now) }
        }
    }

    private func take(_ message: ReaderMailbox.Message, now: Swarm.Instant) {
        switch message {
        case .read(let range, let reader):
            guard !isStopped, Int(reader.file) < info.files.count else { return }
            let file = info.files[Int(reader.file)]
            swarm.read(range, in: file.offset..<file.offset + file.length, by: reader, now: now)
        case .wait(let token, let range, let notify):
            guard !isStopped else {
                return notify(published.condition == .removed ? .removed : .failed)
            }
            waits.begin(token, for: range, notify: notify)
            checkPieces(covering: range)
            swarm.waitBegan(WaitID(rawValue: token.rawValue), for: range, now: now)
            tellWaits(about: range, now: now)
        case .endWait(let token):
            guard waits.end(token), !isStopped else { return }
            swarm.waitEnded(WaitID(rawValue: token.rawValue), now: now)
        case .left(let client): swarm.readerLeft(client, now: now)
        }
    }

    /// Tells waiting readers what is verified now of `range`.
    func tellWaits(about range: Range<UInt64>, now: Swarm.Instant) {
        guard !waits.isEmpty else { return }
        for token in waits.tell(about: range, verifiedPrefix: published.verifiedPrefix) {
            swarm.waitEnded(WaitID(rawValue: token.rawValue), now: now)
        }
    }
}
