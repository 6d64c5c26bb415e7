package import BitTorrentProtocol
import Logging
package import PieceStorage
package import StateStore

/// The folders of the user that are published as torrents: hashes them, hashes again what changes,
/// and hands each version to the session.
///
/// Nothing waits for a hash: until the first version is there a folder is no torrent, and while a new
/// one is made the one before stands.
package actor ServedFolders {
    private struct Entry {
        var folder: ServedFolder
        var standing: Standing?
        /// Somebody asked since the last look began.
        var isWanted = true
        var isUnderWay = false
        /// When the folder may be looked at again.
        var notBefore: ContinuousClock.Instant = .now
        /// What is wrong and was logged.
        var faults: Set<String> = []
        /// Names of what is left out, as far as they were logged.
        var leftOut: Set<String> = []
        /// Files that could not be read as they are.
        var unreadable: Set<FolderListing.File> = []
    }

    /// The version that is served.
    private struct Standing {
        let infoHash: InfoHash
        let pieceLength: UInt32
        let files: FolderFiles
        let addedTime: Int64
        /// What it was made of; `nil` until the folder was looked at.
        var origin: (folder: ServedFolder, files: [FolderListing.File])?
    }

    /// A look at a folder takes at most this part of the time.
    private static let lookShare = 20
    private static let maximumFaultCount = 100

    private let session: Session
    private let store: StateStore
    private let logger: Logger
    private let clock: @Sendable () -> FileStamp.Time
    /// One thread: the disk's other users have the rest.
    private let pool = DiskPool(size: 1)
    private let openFiles = OpenFiles()
    private let wakes: AsyncStream<Void>
    private let waker: AsyncStream<Void>.Continuation
    private var entries: [String: Entry] = [:]
    /// Versions that others have taken the place of.
    private var superseded: [InfoHash] = []

    /// - Parameter clock: by which the times of files are set.
    package init(
        session: Session,
        store: StateStore,
        clock: @escaping @Sendable () -> FileStamp.Time = { .now }
    ) {
        self.clock = clock
        self.session = session
        self.store = store
        logger = session.resources.logger
        (wakes, waker) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Asking

    /// The torrent that the folder is now, which the session has; `nil` before it was hashed for
    /// the first time.
    ///
    /// The folder is looked at soon; when that makes another torrent of it, `metadataArrivals` of the
    /// session yields.
    package func torrent(of folder: ServedFolder) async -> InfoHash? {
        if entries[folder.path] == nil {
            entries[folder.path] = Entry(folder: folder)
            await takeUp(folder)
        }
        entries[folder.path]?.folder = folder
        entries[folder.path]?.isWanted = true
        waker.yield()
        return entries[folder.path]?.standing?.infoHash
    }

    /// Versions that stand no more, but which the session still has: whoever shows the new ones removes
    /// them.
    package func takeSuperseded() -> [InfoHash] {
        defer { superseded = [] }
        return superseded
    }

    /// Forgets every other folder, with what is known of its files.
    package func retain(only paths: Set<String>) async {
        entries = entries.filter { paths.contains($0.key) }
        let store = store
        do {
            try await pool.run {
                for folder in try store.folders() where !paths.contains(folder.path) {
                    try store.removeFolder(at: folder.path)
                }
            }
        } catch {
            logger.error("a folder cannot be forgotten: \(error)")
        }
    }

    // MARK: At work

    /// Looks at the folders and hashes, until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await _ in wakes {
                for (path, entry) in entries where entry.isWanted && !entry.isUnderWay {
                    entries[path]?.isUnderWay = true
                    group.addTask { await self.look(at: path, notBefore: entry.notBefore) }
                }
            }
        }
        try? await pool.shutdown()
    }

    private func look(at path: String, notBefore: ContinuousClock.Instant) async {
        try? await Task.sleep(until: notBefore, clock: .continuous)
        guard let folder = entries[path]?.folder, !Task.isCancelled else { return }
        entries[path]?.isWanted = false
        let began = ContinuousClock.now
        do {
            let listing = try await list(folder)
            let duration = began.duration(to: .now)
            entries[folder.path]?.notBefore = began + duration * Self.lookShare
            try await renew(folder, as: listing)
        } catch is CancellationError {
            // The program ends; the next one goes on.
        } catch {
            report("\(error)", of: folder)
        }
        entries[path]?.isUnderWay = false
        if entries[path]?.isWanted == true { waker.yield() }
    }

    private func list(_ folder: ServedFolder) async throws -> [FolderListing.File] {
        let path = folder.path
        let listing = try await pool.run { try FolderListing(path: path) }
        for skipped in listing.skipped {
            report(leftOut: skipped.name, skipped.reason.rawValue, of: folder)
        }
        let unreadable = entries[path]?.unreadable ?? []
        return listing.files.filter { !unreadable.contains($0) }
    }

    /// Makes a new version of the folder unless the one that stands is made of these files.
    private func renew(_ folder: ServedFolder, as listing: [FolderListing.File]) async throws {
        let standing = entries[folder.path]?.standing
        if let origin = standing?.origin, origin.folder == folder, origin.files == listing {
            return
        }
        let total = listing.reduce(0) { $0 + $1.stamp.size }
        guard total > 0 else {
            let rest = standing == nil ? "it is no torrent yet" : "its last version stays"
            return report("no file in it has a byte; \(rest)", of: folder)
        }
        let pieceLength =
            folder.pieceLength
            ?? PieceLength.suitable(
                totalLength: total,
                fileCount: listing.count,
                current: standing?.pieceLength
            )
        let result = try await FolderPass(
            path: folder.path,
            pieceLength: pieceLength,
            store: store,
            pool: pool,
            logger: logger(of: folder),
            clock: clock
        ).run(over: listing)
        for (file, reason) in result.unreadable {
            entries[folder.path]?.unreadable.insert(file)
            report(leftOut: file.name, reason, of: folder)
        }
        if let name = result.unsettled {
            return report("waiting until \(name) is not written any more", of: folder)
        }
        guard result.hashed.contains(where: { $0.hashes.length > 0 }) else { return }
        let now = clock().seconds
        let version = try await pool.run {
            try FolderVersion(
                of: folder,
                pieceLength: pieceLength,
                hashed: result.hashed,
                creationDate: now
            )
        }
        try await publish(version, of: folder, addedTime: now)
        entries[folder.path]?.standing?.origin = (folder, result.hashed.map(\.file))
        // What was wrong meanwhile is news when it comes again.
        entries[folder.path]?.faults = []
    }

    private func publish(
        _ version: FolderVersion,
        of folder: ServedFolder,
        addedTime: Int64
    ) async throws {
        let infoHash = version.metainfo.infoHash
        if let standing = entries[folder.path]?.standing, standing.infoHash == infoHash {
            // The same bytes: a file was touched, or is back.
            return standing.files.replace(version.files)
        }
        guard let magnet = version.magnet, entries[folder.path] != nil else { return }
        let store = store
        let record = StateStore.FolderRecord(
            path: folder.path,
            metainfo: .init(infoHash: infoHash, infoBytes: version.metainfo.infoBytes),
            addedTime: addedTime,
            magnet: "\(magnet)"
        )
        try await pool.run {
            try store.record(record, keeping: Set(version.files.map(\.path)))
        }
        let before = entries[folder.path]?.standing?.infoHash
        try await stand(version, of: folder, addedTime: addedTime)
        superseded += before.map { [$0] } ?? []
        logger(of: folder).notice(
            "serving a folder",
            metadata: ["files": "\(version.files.count)", "magnet": "\(magnet)"]
        )
        session.arrivals.yield()
    }

    private func stand(
        _ version: FolderVersion,
        of folder: ServedFolder,
        addedTime: Int64
    ) async throws {
        let files = FolderFiles(path: folder.path, files: version.files, openFiles: openFiles)
        let content = FolderContent(
            files: files,
            trackerTiers: version.metainfo.trackerTiers
        )
        try await session.serve(version.metainfo, from: content, addedTime: addedTime)
        entries[folder.path]?.standing = Standing(
            infoHash: version.metainfo.infoHash,
            pieceLength: version.metainfo.info.geometry.pieceLength,
            files: files,
            addedTime: addedTime
        )
    }

    /// The version of the last run is served at once, and the folder looked at later: a file that
    /// changed meanwhile cannot be read.
    private func takeUp(_ folder: ServedFolder) async {
        let store = store
        do {
            let stored = try await pool.run {
                () -> (version: FolderVersion, addedTime: Int64)? in
                guard let record = try store.folder(at: folder.path) else { return nil }
                let files = try store.folderFiles(of: folder.path)
                return (
                    try FolderVersion(of: folder, stored: record, files: files), record.addedTime
                )
            }
            guard let stored else { return }
            try await stand(stored.version, of: folder, addedTime: stored.addedTime)
        } catch {
            report("its last version cannot be served: \(error)", of: folder)
        }
    }

    // MARK: Logging

    private func report(leftOut name: String, _ reason: String, of folder: ServedFolder) {
        guard let count = entries[folder.path]?.leftOut.count, count < Self.maximumFaultCount,
            entries[folder.path]?.leftOut.insert(name).inserted == true
        else { return }
        logger(of: folder).notice("\(name) is left out: \(reason)")
    }

    private func report(_ fault: String, of folder: ServedFolder) {
        guard let count = entries[folder.path]?.faults.count, count < Self.maximumFaultCount,
            entries[folder.path]?.faults.insert(fault).inserted == true
        else { return }
        logger(of: folder).warning("a folder that is served: \(fault)")
    }

    private func logger(of folder: ServedFolder) -> Logger {
        var logger = logger
        logger[metadataKey: "folder"] = "\(folder.path)"
        return logger
    }
}
