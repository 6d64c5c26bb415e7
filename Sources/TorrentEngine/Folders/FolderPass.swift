import BitTorrentProtocol
import Logging
import PieceStorage
import StateStore

/// One pass over the files of a folder: those that are not known as they are now are hashed, one
/// after the other.
///
/// What is hashed is recorded at once, so that a pass that is cut short need not be begun anew.
struct FolderPass: Sendable {
    struct Result: Sendable {
        var hashed: [(file: FolderListing.File, hashes: FileHashes)] = []
        /// Files that cannot be read, and why.
        var unreadable: [(file: FolderListing.File, reason: String)] = []
        /// A file that is being changed: there is no version without it.
        var unsettled: String?
    }

    /// Hashed files are recorded when they are so many, or so many bytes.
    private static let batch = (count: 256, bytes: UInt64(256 << 20))
    private static let progressInterval = Duration.seconds(10)

    let path: String
    let pieceLength: UInt32
    let store: StateStore
    let pool: DiskPool
    let logger: Logger
    /// The clock by which the times of files are set.
    let clock: @Sendable () -> FileStamp.Time

    func run(over files: [FolderListing.File]) async throws -> Result {
        let (path, store) = (path, store)
        var known: [String: StateStore.FolderFileRecord] = [:]
        for record in try await pool.run({ try store.folderFiles(of: path) })
        where record.pieceLength == pieceLength { known[record.path] = record }
        let unknown = files.filter { known[$0.name]?.stamp != $0.stamp.bytes }
        var result = Result()
        var fresh: [String: FileHashes] = [:]
        try await hash(unknown, fresh: &fresh, result: &result)
        for file in files {
            if let hashes = fresh[file.name] {
                result.hashed.append((file, hashes))
            } else if let record = known[file.name], record.stamp == file.stamp.bytes {
                result.hashed.append((file, record.hashes))
            }
        }
        return result
    }

    private func hash(
        _ files: [FolderListing.File],
        fresh: inout [String: FileHashes],
        result: inout Result
    ) async throws {
        let (now, all) = (clock(), files)
        let files = files.filter { $0.stamp.isSettled(at: now) }
        result.unsettled = all.first { !$0.stamp.isSettled(at: now) }?.name
        var progress = Progress(of: files, now: .now)
        var batch: [StateStore.FolderFileRecord] = []
        var batchBytes: UInt64 = 0
        if !files.isEmpty { progress.log(to: logger) }
        for file in files {
            do {
                let hashes = try await hash(file, &progress)
                fresh[file.name] = hashes
                batch.append(
                    .init(
                        path: file.name,
                        stamp: file.stamp.bytes,
                        pieceLength: pieceLength,
                        hashes: hashes
                    )
                )
                batchBytes += hashes.length
            } catch let error as StorageError where error.isChange {
                result.unsettled = result.unsettled ?? file.name
            } catch let error as StorageError {
                result.unreadable.append((file, error.reason))
            }
            if batch.count >= Self.batch.count || batchBytes >= Self.batch.bytes {
                try await record(batch)
                (batch, batchBytes) = ([], 0)
            }
        }
        try await record(batch)
    }

    private func hash(
        _ file: FolderListing.File,
        _ progress: inout Progress
    ) async throws -> FileHashes {
        let (path, pieceLength) = ("\(path)/\(file.name)", pieceLength)
        var hashing = try await pool.run {
            try FileHashing(path: path, stamp: file.stamp, pieceLength: pieceLength)
        }
        while !hashing.isComplete {
            try Task.checkCancellation()
            let before = hashing
            hashing = try await pool.run {
                var next = before
                try next.hashNextPiece()
                return next
            }
            progress.done += min(UInt64(pieceLength), file.stamp.size)
            if progress.isDue(.now, after: Self.progressInterval) { progress.log(to: logger) }
        }
        return hashing.hashes
    }

    private func record(_ files: [StateStore.FolderFileRecord]) async throws {
        guard !files.isEmpty else { return }
        let (path, store) = (path, store)
        try await pool.run { try store.record(files, of: path) }
    }
}

extension FolderPass {
    /// How far a pass has come.
    private struct Progress {
        var done: UInt64 = 0
        private let fileCount: Int
        private let total: UInt64
        private var told: ContinuousClock.Instant

        init(of files: [FolderListing.File], now: ContinuousClock.Instant) {
            fileCount = files.count
            total = files.reduce(0) { $0 + $1.stamp.size }
            told = now
        }

        mutating func isDue(_ now: ContinuousClock.Instant, after interval: Duration) -> Bool {
            guard told.duration(to: now) >= interval else { return false }
            told = now
            return true
        }

        func log(to logger: Logger) {
            logger.info(
                "hashing a folder",
                metadata: [
                    "files": "\(fileCount)", "done": "\(min(done, total) >> 20) MiB",
                    "of": "\(total >> 20) MiB",
                ]
            )
        }
    }
}
