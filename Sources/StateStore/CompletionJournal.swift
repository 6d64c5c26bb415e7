package import BitTorrentProtocol
import GRDB
import Synchronization

/// Records verified pieces, and those that are gone, without making anybody wait: while one transaction runs, further pieces
/// gather for the next.
///
/// A piece is durable some milliseconds after `record`.
///
/// A process that is killed loses the pieces of that window and no others; it never claims a piece
/// that is not on disk, because `record` comes after the write.
package final class CompletionJournal: Sendable {
    private struct Pending {
        /// Of each torrent in the order in which they happened.
        var records: [InfoHash: [PieceRecord]] = [:]
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
            pending.records[infoHash, default: []].append(
                PieceRecord(piece: piece, isComplete: true)
            )
            defer { pending.isWriting = true }
            return !pending.isWriting
        }
        if mustStart { writePending() }
    }

    /// Forgets pieces whose bytes are about to go; when it returns no record says that they are
    /// there, and none that came before will.
    ///
    /// Waits for the disk.
    ///
    /// - Throws: if they are recorded still.
    package func forget(_ pieces: [PieceIndex], of infoHash: InfoHash) throws(StateStoreError) {
        let records = pieces.map { PieceRecord(piece: $0, isComplete: false) }
        try store.write { database, _ in
            // Records that came before are written before.
            try self.writeTaken(in: database)
            try StateStore.change(records, of: infoHash, in: database)
        }
    }

    /// Forgets what is not written yet of a torrent, which is about to be removed.
    package func drop(_ infoHash: InfoHash) {
        pending.withLock { _ = $0.records.removeValue(forKey: infoHash) }
    }

    /// Returns when everything recorded so far is durable or has failed.
    ///
    /// Waits for the disk.
    package func flush() {
        // Transactions run in order, so an empty one behind them ends after them.
        do {
            try store.write { database, _ in try self.writeTaken(in: database) }
        } catch {
            onFailure(error)
        }
    }

    /// Takes within the transaction, so that the order of records is that of transactions.
    private func writeTaken(in database: Database) throws {
        for (infoHash, records) in take() {
            try StateStore.change(records, of: infoHash, in: database)
        }
    }

    private func take() -> [InfoHash: [PieceRecord]] {
        pending.withLock { pending in
            defer { pending.records = [:] }
            return pending.records
        }
    }

    private func writePending() {
        let path = store.path
        store.queue.asyncWrite { database in
            try self.writeTaken(in: database)
        } completion: { _, result in
            if case .failure(let error) = result {
                self.onFailure(.database(path: path, reason: "\(error)"))
            }
            let mustContinue = self.pending.withLock { pending in
                pending.isWriting = !pending.records.isEmpty
                return pending.isWriting
            }
            if mustContinue { self.writePending() }
        }
    }
}
