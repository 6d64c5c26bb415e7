import BitTorrentProtocol
import Foundation
import Logging
import NIOCore
import PieceStorage
import StateStore
import Testing

@testable import TorrentEngine

/// Folders of the user that are published as torrents.
@Suite struct ServedFolderTests {
    let directory: TemporaryDirectory
    let folder: ServedFolder

    /// Long after every file was written.
    private static let later: @Sendable () -> FileStamp.Time = {
        FileStamp.Time(seconds: FileStamp.Time.now.seconds + 60)
    }

    init() throws {
        directory = try TemporaryDirectory()
        folder = ServedFolder(path: "\(directory.path)/films", name: "My films")
        try write("a/first.mkv", bytes(300_000, 1))
        try write("second.mkv", bytes(70_000, 2))
        try write("empty", [])
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        let url = URL(filePath: "\(folder.path)/\(name)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(bytes).write(to: url)
    }

    private func bytes(_ count: Int, _ seed: UInt8) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) ^ seed }
    }

    /// Serves the folder for as long as `body` runs.
    private func serving<Value: Sendable>(
        _ node: Node,
        _ body: @escaping @Sendable (ServedFolders) async throws -> Value
    ) async throws -> Value {
        let folders = ServedFolders(
            session: node.session,
            store: node.session.store,
            clock: Self.later
        )
        return try await withThrowingTaskGroup { group in
            group.addTask { await folders.run() }
            defer { group.cancelAll() }
            return try await body(folders)
        }
    }

    /// The torrent once it is another one than `old`.
    private func version(
        _ folders: ServedFolders,
        _ node: Node,
        after old: InfoHash? = nil
    ) async throws -> Torrent {
        var arrivals = node.session.metadataArrivals.makeAsyncIterator()
        while true {
            if let hash = await folders.torrent(of: folder), hash != old {
                return try #require(await node.session.torrent(hash)?.warmed())
            }
            guard await arrivals.next() != nil else { throw CancellationError() }
        }
    }

    private func content(_ name: String, of torrent: Torrent) throws -> [UInt8] {
        let file = try #require(
            torrent.info.files.first { file in
                file.path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/") == name
            }
        )
        return Array(
            try torrent.storage.source().read(file.offset..<file.offset + file.length)
                .readableBytesView
        )
    }

    @Test func anotherSessionFetchesAFolderFromPlace() async throws {
        try await withTimeLimit {
            let (a, b) = (try TemporaryDirectory(), try TemporaryDirectory())
            let (seed, node) = (try await Node(a), try await Node(b))
            try await serving(seed) { folders in
                let served = try await version(folders, seed)
                #expect(served.info.name == Array("My films".utf8))
                let magnet = try #require(MagnetLink(infoHash: served.infoHash))
                try await node.session.add(magnet, addedTime: 1)
                await node.session.addPeers(served.infoHash, [try seed.address])
                var arrivals = node.session.metadataArrivals.makeAsyncIterator()
                await arrivals.next()
                let registered = try #require(node.session.torrent(served.infoHash))
                let torrent = try #require(await registered.warmed())
                let total = 0..<torrent.info.geometry.totalLength
                let news = AsyncStream<Availability>.makeStream()
                _ = registered.wait(for: total) { news.continuation.yield($0) }
                for await availability in news.stream
                where availability == .verified(total.upperBound) {
                    break
                }
                #expect(try content("a/first.mkv", of: torrent) == bytes(300_000, 1))
                #expect(try content("second.mkv", of: torrent) == bytes(70_000, 2))
            }
            // Nothing is registered that a later start would look for.
            #expect(try seed.session.store.registrations().isEmpty)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func aChangedFolderIsAnotherTorrentAndOnlyTheChangedFileIsHashed() async throws {
        try await withTimeLimit {
            let node = try await Node(try TemporaryDirectory())
            try await serving(node) { folders in
                let first = try await version(folders, node)
                let before = try node.session.store.folderFiles(of: folder.path)
                try write("second.mkv", bytes(70_001, 3))
                let second = try await version(folders, node, after: first.infoHash)
                #expect(try content("second.mkv", of: second) == bytes(70_001, 3))
                // The old one has what has not changed, and refuses the rest.
                #expect(try content("a/first.mkv", of: first) == bytes(300_000, 1))
                #expect(throws: StorageError.self) { try content("second.mkv", of: first) }
                #expect(await folders.takeSuperseded() == [first.infoHash])
                #expect(await folders.takeSuperseded().isEmpty)
                let after = try node.session.store.folderFiles(of: folder.path)
                let kept = before.filter { after.contains($0) }.map(\.path).sorted()
                #expect(kept == ["a/first.mkv", "empty"])
                let stored = try node.session.store.folder(at: folder.path)
                #expect(stored?.metainfo.infoHash == second.infoHash)
                #expect(stored?.magnet.contains("\(second.infoHash)") == true)
            }
            await node.session.shutdown()
        }
    }

    @Test func theNextStartServesWhatIsStoredWithoutALook() async throws {
        try await withTimeLimit {
            let state = try TemporaryDirectory()
            let infoHash: InfoHash
            do {
                let node = try await Node(state)
                infoHash = try await serving(node) { folders in
                    try await version(folders, node).infoHash
                }
                await node.session.shutdown()
            }
            // While nobody looked one file was changed; the folder has as many files and bytes.
            try write("second.mkv", bytes(70_000, 9))
            let node = try await Node(state)
            let folders = ServedFolders(session: node.session, store: node.session.store)
            #expect(await folders.torrent(of: folder) == infoHash)
            let torrent = try #require(await node.session.torrent(infoHash)?.warmed())
            #expect(try content("a/first.mkv", of: torrent) == bytes(300_000, 1))
            #expect(throws: StorageError.self) { try content("second.mkv", of: torrent) }
            await node.session.shutdown()
        }
    }

    /// What was hashed for a version that never stood must not be taken for the one that does.
    @Test func aStoredVersionTakesNoStampOfOtherHashes() throws {
        let info = try #require(
            try? Metainfo(
                parsing: MetainfoBuilder(
                    name: "n",
                    alignedFiles: [
                        .init(path: ["f"], hashes: hashes(1)),
                        .init(path: ["g"], hashes: hashes(2)),
                    ],
                    pieceLength: 16 << 10
                ).metainfoBytes
            )
        )
        let record = StateStore.FolderRecord(
            path: folder.path,
            metainfo: .init(infoHash: info.infoHash, infoBytes: info.infoBytes),
            addedTime: 1,
            magnet: ""
        )
        let stamp = try #require(FileStamp(path: "\(folder.path)/second.mkv"))
        func stamps(_ f: FileHashes, _ g: FileHashes) throws -> [Bool] {
            let records = [("f", f), ("g", g)].map {
                StateStore.FolderFileRecord(
                    path: $0.0,
                    stamp: stamp.bytes,
                    pieceLength: 16 << 10,
                    hashes: $0.1
                )
            }
            return try FolderVersion(of: folder, stored: record, files: records)
                .files.map { $0.stamp == stamp }
        }
        #expect(try stamps(hashes(1), hashes(2)) == [true, true])
        #expect(try stamps(hashes(3), hashes(2)) == [false, true])
        #expect(try stamps(hashes(1), hashes(3)) == [true, false])
        #expect(try stamps(FileHashes(length: 100), hashes(2)) == [false, true])
    }

    private func hashes(_ byte: UInt8) -> FileHashes {
        FileHashes(
            length: 100,
            pieceHashes: [UInt8](repeating: byte, count: 20),
            tailHash: [UInt8](repeating: byte + 100, count: 20)
        )
    }

    @Test func aFileThatIsBeingWrittenIsWaitedFor() async throws {
        let state = try TemporaryDirectory()
        let pool = DiskPool(size: 1)
        let store = try StateStore(directory: state.path)
        func pass(
            _ clock: @escaping @Sendable () -> FileStamp.Time
        ) async throws -> FolderPass.Result {
            try await FolderPass(
                path: folder.path,
                pieceLength: 64 << 10,
                store: store,
                pool: pool,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                clock: clock
            ).run(over: FolderListing(path: folder.path).files)
        }
        let early = try await pass {
            FileStamp.Time(
                seconds: FileStamp(path: "\(folder.path)/empty")?.statusChanged.seconds ?? 0
            )
        }
        #expect(early.unsettled != nil)
        let late = try await pass(Self.later)
        #expect(late.unsettled == nil && late.unreadable.isEmpty)
        #expect(late.hashed.map(\.file.name) == ["a/first.mkv", "empty", "second.mkv"])
        try await pool.shutdown()
    }
}
