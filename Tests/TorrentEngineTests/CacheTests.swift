import BitTorrentProtocol
import Foundation
import Glibc
import NIOCore
import PieceStorage
import StateStore
import Synchronization
import Testing

@testable import TorrentEngine

/// A store that fails when it is told to, as a disk does.
final class FailingStore: PieceStore {
    private let store: any PieceStore
    private let fault: FailingDisk

    init(_ store: any PieceStore, _ fault: FailingDisk) {
        self.store = store
        self.fault = fault
    }

    var isReadOnly: Bool { store.isReadOnly }

    func readIfCached(_ range: Range<UInt64>, into buffer: inout ByteBuffer) -> Bool {
        !fault.failsReads && store.readIfCached(range, into: &buffer)
    }

    func read(_ range: Range<UInt64>) throws(StorageError) -> ByteBuffer {
        if fault.failsReads { throw StorageError(.read, "disk", code: EIO) }
        return try store.read(range)
    }

    func write(_ buffers: [ByteBuffer], at offset: UInt64) throws(StorageError) {
        if let code = fault.writeFault { throw StorageError(.write, "disk", code: code) }
        try store.write(buffers, at: offset)
    }

    func free(_ range: Range<UInt64>) throws(StorageError) {
        if fault.failsFreeing { throw StorageError(.punchHole, "disk", code: EIO) }
        try store.free(range)
    }

    func synchronize() throws(StorageError) { try store.synchronize() }
    func heldBytes() throws(StorageError) -> UInt64 { try store.heldBytes() }
}

/// How a disk fails at the moment.
final class FailingDisk: Sendable {
    private let state = Mutex<(writes: CInt?, reads: Bool, freeing: Bool)>((nil, false, false))

    var writeFault: CInt? {
        get { state.withLock { $0.writes } }
        set { state.withLock { $0.writes = newValue } }
    }

    var failsFreeing: Bool {
        get { state.withLock { $0.freeing } }
        set { state.withLock { $0.freeing = newValue } }
    }

    var failsReads: Bool {
        get { state.withLock { $0.reads } }
        set { state.withLock { $0.reads = newValue } }
    }
}

@Suite struct CacheTests {
    /// A node and the seed of what it reads.
    struct Pair {
        let sample: Sample
        let seed: Node
        let node: Node
        let torrent: RegisteredTorrent
        let directory: TemporaryDirectory

        init(
            byteCount: Int,
            version: TorrentInfo.Version = .version1,
            fileCount: Int = 1,
            configure: (inout SessionConfiguration) -> Void = { _ in }
        ) async throws {
            sample = try Sample(
                byteCount: byteCount,
                pieceLength: 1 << 14,
                version: version,
                fileCount: fileCount
            )
            directory = try TemporaryDirectory()
            seed = try await Node(try TemporaryDirectory())
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            node = try await Node(directory, configure: configure)
            torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            await node.session.addPeers(sample.infoHash, [try seed.address])
        }

        func read(_ range: Range<UInt64>) async throws -> Bool {
            try await torrent.bytesInTheEnd(range, of: sample) == sample.bytes(range)
        }

        var held: UInt64 { node.session.cachedByteCount(of: sample.infoHash) }

        /// Bytes that the file system counts.
        var heldOnDisk: UInt64 {
            get throws {
                try CacheDirectory(path: "\(directory.path)/cache").heldBytes(of: sample.infoHash)
                    ?? 0
            }
        }

        func shutdown() async {
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    /// Of 64 KiB each, 1 MiB in all.
    static let parts = (0..<16).map { UInt64($0) << 16..<UInt64($0 + 1) << 16 }

    @Test(arguments: [ENOSPC, EIO, EROFS], [TorrentInfo.Version.version1, .version2])
    func readsGoOnWhenNothingCanBeWritten(_ code: CInt, _ version: TorrentInfo.Version) async throws
    {
        try await withTimeLimit {
            let disk = FailingDisk()
            let pair = try await Pair(byteCount: 1 << 20, version: version) {
                $0.storeLayer = { FailingStore($0, disk) }
                $0.uncachedByteCount = 1 << 19
            }
            #expect(try await pair.read(Self.parts[0]))
            disk.writeFault = code
            for part in Self.parts[1...] { #expect(try await pair.read(part)) }
            // What is on the disk is read from there.
            #expect(try await pair.read(Self.parts[0]))
            await pair.shutdown()
            #expect(try pair.heldOnDisk < 3 << 18)
        }
    }

    @Test func whatCannotBeReadIsFetchedAgain() async throws {
        try await withTimeLimit {
            let disk = FailingDisk()
            let pair = try await Pair(byteCount: 1 << 20) {
                $0.storeLayer = { FailingStore($0, disk) }
            }
            #expect(try await pair.read(Self.parts[0]))
            disk.failsReads = true
            let part = UInt64(0)..<10
            let bytes = try pair.torrent.read(part, on: Node.loop)
            await #expect(throws: TorrentReadError.notVerified) { try await bytes.get() }
            disk.failsReads = false
            #expect(try await pair.read(Self.parts[0]))
            await pair.shutdown()
        }
    }

    @Test func aDiskThatTakesEverythingAndGivesNothingIsNotUsed() async throws {
        try await withTimeLimit {
            let disk = FailingDisk()
            let pair = try await Pair(byteCount: 1 << 20) {
                $0.storeLayer = { FailingStore($0, disk) }
            }
            #expect(try await pair.read(pair.sample.range))
            disk.failsReads = true
            // Several find it at once.
            let areRight = try await withThrowingTaskGroup(of: Bool.self) { group in
                for part in Self.parts + Self.parts {
                    group.addTask { try await pair.read(part) }
                }
                return try await group.allSatisfy { $0 }
            }
            #expect(areRight)
            await pair.shutdown()
        }
    }

    @Test func aColdTorrentGivesUpPiecesAndIsReadAgain() async throws {
        try await withTimeLimit {
            let pair = try await Pair(byteCount: 1 << 19)
            for part in Self.parts[..<8] { #expect(try await pair.read(part)) }
            try await pair.torrent.whileCold {}
            #expect(pair.torrent.isCold && pair.held == 1 << 19)
            var settings = pair.node.session.settings
            settings.cacheLimit = 3 << 16
            pair.node.session.apply(settings)
            try await until { pair.held <= 3 << 16 }
            let onDisk = try pair.heldOnDisk
            #expect(onDisk < 1 << 19)
            // The front of it stays.
            for part in Self.parts[..<8] { #expect(try await pair.read(part)) }
            await pair.shutdown()
        }
    }

    @Test func aTorrentIsNotColdWhileSomebodyReadsIt() async throws {
        try await withTimeLimit {
            let pair = try await Pair(byteCount: 1 << 19)
            for part in Self.parts[..<8] { #expect(try await pair.read(part)) }
            let torrent = pair.torrent
            var hold = torrent.hold(Self.parts[0])
            #expect(hold != nil)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await torrent.whileCold {} }
                // What it has is read no more, and what is being read still stays.
                while torrent.verifiedPrefix(of: Self.parts[1]) > 0 { await Task.yield() }
                #expect(torrent.hold(Self.parts[1]) == nil)
                for _ in 0..<1000 { await Task.yield() }
                #expect(!torrent.isCold)
                hold = nil
                try await group.waitForAll()
            }
            #expect(torrent.isCold)
            #expect(try await pair.read(Self.parts[0]))
            await pair.shutdown()
        }
    }

    @Test(arguments: [TorrentInfo.Version.version1, .version2])
    func whatCannotBeFreedIsCountedOnce(_ version: TorrentInfo.Version) async throws {
        try await withTimeLimit {
            let disk = FailingDisk()
            let pair = try await Pair(byteCount: 1 << 20, version: version) {
                $0.storeLayer = { FailingStore($0, disk) }
                $0.settings.cacheLimit = 1 << 19
            }
            disk.failsFreeing = true
            for _ in 0..<3 {
                for part in Self.parts { #expect(try await pair.read(part)) }
            }
            #expect(pair.held <= 1 << 20)
            disk.failsFreeing = false
            while pair.held > 1 << 19 {
                #expect(try await pair.read(Self.parts[0]))
                await Task.yield()
            }
            await pair.shutdown()
            #expect(try pair.heldOnDisk <= 1 << 20)
        }
    }

    @Test func aLookAtALargePieceTakesNoMoreRoomThanItReads() async throws {
        try await withTimeLimit {
            let sample = try Sample(
                byteCount: 1 << 20,
                pieceLength: 1 << 20,
                version: .version2
            )
            let seed = try await Node(try TemporaryDirectory())
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            await node.session.addPeers(sample.infoHash, [try seed.address])
            let part = UInt64(0)..<1 << 14
            #expect(try await torrent.bytesInTheEnd(part, of: sample) == sample.bytes(part))
            let held = node.session.cachedByteCount(of: sample.infoHash)
            #expect(held >= 1 << 14 && held < 1 << 19)
            #expect(
                try await torrent.bytesInTheEnd(sample.range, of: sample)
                    == sample.bytes(sample.range)
            )
            #expect(node.session.cachedByteCount(of: sample.infoHash) == 1 << 20)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func pinnedFilesOfAColdTorrentAreKept() async throws {
        try await withTimeLimit {
            let pair = try await Pair(byteCount: 1 << 20, fileCount: 4)
            let (session, infoHash) = (pair.node.session, pair.sample.infoHash)
            session.setWishes([infoHash: .pin], selections: [infoHash: [1...1]])
            for part in Self.parts { #expect(try await pair.read(part)) }
            try await pair.torrent.whileCold {}
            var settings = session.settings
            settings.cacheLimit = 5 << 16
            session.apply(settings)
            try await until { pair.held <= 5 << 16 }
            // Less than what is pinned has no effect on it.
            settings.cacheLimit = 1 << 16
            session.apply(settings)
            try await until { pair.held <= 1 << 18 }
            let kept = try session.store.completedPieces(of: infoHash, count: 64).pieces
            #expect(kept == (16..<32).map { PieceIndex($0) })
            for part in Self.parts[4..<8] { #expect(try await pair.read(part)) }
            await pair.shutdown()
        }
    }

    @Test func torrentsOfAGroupShareItsQuota() async throws {
        try await withTimeLimit {
            let pair = try await Pair(byteCount: 1 << 20)
            let (session, infoHash) = (pair.node.session, pair.sample.infoHash)
            for part in Self.parts { #expect(try await pair.read(part)) }
            try await pair.torrent.whileCold {}
            var settings = session.settings
            settings.cacheQuotas = ["films": 5 << 16]
            session.apply(settings)
            session.setWishes([:], groups: [infoHash: "others"])
            #expect(pair.held == 1 << 20)
            session.setWishes([:], groups: [infoHash: "films"])
            try await until { pair.held <= 5 << 16 }
            await pair.shutdown()
        }
    }

    @Test func damageIsFoundAfterAnUncleanEnd() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 1 << 20, pieceLength: 1 << 14)
            let directory = try TemporaryDirectory()
            let seed = try await Node(try TemporaryDirectory())
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            try await Self.readAll(of: sample, from: seed, in: directory)
            // As if it had not ended.
            _ = try StateStore(directory: "\(directory.path)/state").beginRun(boot: "another")
            let path = "\(directory.path)/cache/\(sample.infoHash.hex).pieces"
            let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try file.seek(toOffset: 500_000)
            try file.write(contentsOf: Data(repeating: 0, count: 50_000))
            try file.close()
            let node = try await Node(directory)
            let torrent = try #require(node.session.torrent(sample.infoHash))
            await node.session.addPeers(sample.infoHash, [try seed.address])
            _ = await torrent.warmed()
            #expect(torrent.verifiedPrefix(of: sample.range) == 0)
            for part in Self.parts {
                let bytes = try await torrent.bytesInTheEnd(part, of: sample)
                #expect(bytes == sample.bytes(part))
            }
            let status = try await torrent.status
            #expect(status.downloadedByteCount > 0 && status.downloadedByteCount < 200_000)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    static func readAll(
        of sample: Sample,
        from seed: Node,
        in directory: TemporaryDirectory
    ) async throws {
        let node = try await Node(directory)
        let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
        await node.session.addPeers(sample.infoHash, [try seed.address])
        #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
        await node.session.shutdown()
    }
}

extension RegisteredTorrent {
    /// As `bytes`, and again when they were evicted in between.
    func bytesInTheEnd(_ range: Range<UInt64>, of sample: Sample) async throws -> ByteBuffer {
        while true {
            do {
                return try await bytes(range, of: sample)
            } catch TorrentReadError.notVerified {
                try Task.checkCancellation()
            }
        }
    }
}
