import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import Synchronization
import TorrentLogic

// What readers on other threads use, through the registered torrent.
extension Torrent {
    /// Reads bytes that are published.
    nonisolated func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(TorrentReadError) -> StoredBytes {
        guard published.condition == .active else { throw .removed }
        guard !range.isEmpty else { return .ready(ByteBuffer()) }
        guard published.verifiedPrefix(of: range) == UInt64(range.count) else {
            throw .notVerified
        }
        let source: any PieceSource
        do {
            source = try storage.source()
        } catch {
            throw .storage(error.reason)
        }
        if let bytes = source.readIfCached(range) { return .ready(bytes) }
        let logger = logger
        return .later(
            resources.pool.run(on: loop) {
                do {
                    return try source.read(range)
                } catch let error as StorageError {
                    logger.error("reading failed: \(error)")
                    throw TorrentReadError.storage(error.reason)
                }
            }
        )
    }

    /// Takes what a reader told.
    ///
    /// Never runs the torrent within the caller's turn, so that `notify` is not called before
    /// `wait` has returned, and that a lock may be held.
    nonisolated func post(_ message: ReaderMailbox.Message) {
        if case .read = message {
            wasRead.store(true, ordering: .relaxed)
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
            swarm.waitBegan(WaitID(rawValue: token.rawValue), for: range, now: now)
            tellWaits(about: range, now: now)
        case .endWait(let token):
            guard waits.end(token), !isStopped else { return }
            swarm.waitEnded(WaitID(rawValue: token.rawValue), now: now)
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
