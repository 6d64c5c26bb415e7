import BitTorrentProtocol
import Foundation
import PieceStorage
import StateStore
import Testing

@testable import TorrentEngine

@Suite struct CacheVerificationTests {
    /// Three of the 64 pieces.
    private static let damaged: Range<UInt64> = 500_000..<530_000
    private static let damagedCount = 3

    private static func damage(_ pair: CacheTests.Pair) throws {
        let path = "\(pair.directory.path)/cache/\(pair.sample.infoHash.hex).pieces"
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seek(toOffset: damaged.lowerBound)
        try file.write(contentsOf: Data(repeating: 1, count: damaged.count))
        try file.close()
    }

    private static func verify(
        _ pair: CacheTests.Pair,
        files: [ClosedRange<Int>]? = nil
    ) async throws -> CacheVerification {
        try await pair.node.session.verifyCache(of: pair.sample.infoHash, files: files) {
            _,
            count in
            #expect(count == 64)
        }
    }

    @Test(
        arguments: [true, false],
        [TorrentInfo.Version.version1, .version2, .hybrid]
    )
    func damageIsFoundAndFetchedAgain(
        _ isCold: Bool,
        _ version: TorrentInfo.Version
    ) async throws {
        try await withTimeLimit {
            let pair = try await CacheTests.Pair(byteCount: 1 << 20, version: version)
            #expect(try await pair.read(pair.sample.range))
            if isCold { try await pair.torrent.whileCold {} }
            #expect(try await Self.verify(pair).damaged == 0)
            try Self.damage(pair)
            if isCold { try await pair.torrent.whileCold {} }
            let found = try await Self.verify(pair)
            #expect(found.checked == 64 && found.damaged == Self.damagedCount)
            #expect(found.byteCount == 1 << 20)
            await pair.node.session.addPeers(pair.sample.infoHash, [try pair.seed.address])
            #expect(try await pair.read(pair.sample.range))
            let again = try await Self.verify(pair)
            #expect(again.checked == 64 && again.damaged == 0)
            await pair.shutdown()
        }
    }

    @Test func whatIsReadMeanwhileIsRight() async throws {
        try await withTimeLimit {
            let pair = try await CacheTests.Pair(byteCount: 1 << 20)
            #expect(try await pair.read(pair.sample.range))
            try Self.damage(pair)
            async let found = Self.verify(pair)
            for part in CacheTests.parts where !part.overlaps(Self.damaged) {
                #expect(try await pair.read(part))
            }
            #expect(try await found.damaged == Self.damagedCount)
            for part in CacheTests.parts { #expect(try await pair.read(part)) }
            await pair.shutdown()
        }
    }

    @Test func pinnedPiecesComeAgainByThemselves() async throws {
        try await withTimeLimit {
            let pair = try await CacheTests.Pair(byteCount: 1 << 20)
            try await pair.node.session.pin(pair.sample.infoHash)
            while !pair.torrent.traits.contains(.isComplete) {
                if let active = pair.torrent.active, active.published.isComplete {
                    try await pair.torrent.whileCold {}
                }
                try Task.checkCancellation()
                await Task.yield()
            }
            try Self.damage(pair)
            #expect(try await Self.verify(pair).damaged == Self.damagedCount)
            await pair.node.session.addPeers(pair.sample.infoHash, [try pair.seed.address])
            try await until { pair.torrent.active?.published.isComplete == true }
            await pair.shutdown()
        }
    }

    /// After an end that was not recorded.
    @Test(arguments: [true, false])
    func whatWasVerifiedIsTrusted(_ isAlone: Bool) async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 1 << 20, pieceLength: 1 << 14)
            let (infoHash, directory) = (sample.infoHash, try TemporaryDirectory())
            let seed = try await Node(try TemporaryDirectory())
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            try await CacheTests.readAll(of: sample, from: seed, in: directory)
            do {
                let store = try StateStore(directory: "\(directory.path)/state")
                _ = try store.beginRun(boot: "another")
                if isAlone {
                    let cache = try CacheDirectory(path: "\(directory.path)/cache")
                    let found = try await verifyCache(
                        of: infoHash,
                        files: nil,
                        in: cache,
                        store: store
                    ) { _, _ in }
                    #expect(found.checked == 64 && found.damaged == 0)
                }
            }
            let node = try await Node(directory)
            let torrent = try #require(node.session.torrent(infoHash))
            if !isAlone {
                let found = try await node.session.verifyCache(of: infoHash, files: nil) { _, _ in }
                #expect(found.checked == 64 && found.damaged == 0)
            }
            _ = await torrent.warmed()
            #expect(torrent.verifiedPrefix(of: sample.range) == 1 << 20)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func noSessionIsNeeded() async throws {
        try await withTimeLimit {
            let pair = try await CacheTests.Pair(byteCount: 1 << 20)
            #expect(try await pair.read(pair.sample.range))
            await pair.node.session.shutdown()
            try Self.damage(pair)
            let store = pair.node.session.store
            let cache = try CacheDirectory(path: "\(pair.directory.path)/cache")
            let infoHash = pair.sample.infoHash
            func verify(_ files: [ClosedRange<Int>]?) async throws -> CacheVerification {
                try await verifyCache(of: infoHash, files: files, in: cache, store: store) {
                    _,
                    _ in
                }
            }
            #expect(try await verify([5...9]) == CacheVerification())
            let found = try await verify([0...0])
            #expect(found.checked == 64 && found.damaged == Self.damagedCount)
            let again = try await verify(nil)
            #expect(again.checked == 64 - Self.damagedCount && again.damaged == 0)
            // What is gone is damaged.
            try cache.removeStore(of: infoHash)
            #expect(try await verify(nil).damaged == 64 - Self.damagedCount)
            #expect(cache.heldBytes(of: infoHash) == nil)
            #expect(try await verify(nil) == CacheVerification())
            await pair.seed.session.shutdown()
        }
    }
}
