package import BitTorrentProtocol
import GRDB
import Synchronization

/// Records verified pieces without making anybody wait: while one transaction runs, further pieces
/// gather for the next.
///
/// A piece is durable some milliseconds after `record`.
///
/// A process that is killed loses the pieces of that window and no others; it never claims a piece
/// that is not on disk, because `record` comes after the write.
package final class CompletionJournal: Sendable {
    private struct Pending {
        var pieces: [InfoHash: [PieceIndex]] = [:]
        var isWriting = false
    }

    private let store: StateStore
    private let pending = Mutex(Pending())
    private let onFailure: @Sendable (StateStoreError) -> Void

    /// - Parameter onFailure: called on any thread when a transaction failed; its pieces are then
    ///   not recorded and will be fetched again after a restart.
    package init(
        store: StateStore,
        onFailure: @escaping @Sendable (StateStoreError) -> Void
    ) {
        self.store = store
        self.onFailure = onFailure
    }

    /// Takes a piece whose bytes are on disk.
    ///
    /// Never waits; may be called on any thread.
    package func record(_ piece: PieceIndex, of infoHash: InfoHash) {
        let mustStart = pending.withLock { pending in
            pending.pieces[infoHash, default: []].append(piece)
            defer { pending.isWriting = true }
            return !pending.isWriting
        }
        if mustStart { writePending() }
    }

    /// Forgets what is not written yet of a torrent, which is about to be removed.
    package func drop(_ infoHash: InfoHash) {
        pending.withLock { _ = $0.pieces.removeValue(forKey: infoHash) }
    }

    /// Returns when everything recorded so far is durable or has failed.
    ///
    /// Waits for the disk.
    package func flush() {
        // Transactions run in order, so an empty one behind them ends after them.
        let pieces = take()
        do {
            try store.recordCompleted(pieces)
        } catch {
            onFailure(error)
        }
    }

    private func take() -> [InfoHash: [PieceIndex]] {
        pending.withLock { pending in
            defer { pending.pieces = [:] }
            return pending.pieces
        }
    }

    private func writePending() {
        let path = store.path
        store.queue.asyncWrite { database in
            try StateStore.record(self.take(), in: database)
        } completion: { _, result in
            if case .failure(let error) = result {
                self.onFailure(.database(path: path, reason: "\(error)"))
            }
            let mustContinue = self.pending.withLock { pending in
                pending.isWriting = !pending.pieces.isEmpty
                return pending.isWriting
            }
            if mustContinue { self.writePending() }
        }
    }
}
