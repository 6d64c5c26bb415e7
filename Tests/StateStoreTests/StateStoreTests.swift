import BitTorrentProtocol
import Foundation
import StateStore
import Synchronization
import Testing

@Suite struct StateStoreTests {
    let directory: TemporaryDirectory
    let infoHash: InfoHash
    let metainfo: Metainfo

    init() throws {
        directory = try TemporaryDirectory()
        infoHash = try #require(InfoHash(bytes: Array(1...20)))
        let geometry = PieceGeometry(pieceLength: 16384, totalLength: 16384)
        let file = TorrentInfo.File(path: [], length: 16384, offset: 0, attributes: [])
        metainfo = Metainfo(
            infoHash: infoHash,
            info: TorrentInfo(
                name: Array("name".utf8),
                isSingleFile: true,
                files: [file],
                geometry: geometry,
                pieceHashes: [UInt8](repeating: 0, count: 20),
                isPrivate: false
            ),
            infoBytes: Array("d4:name4:namee".utf8),
            trackerTiers: [["http://a/"], ["http://b/"]],
            webSeeds: [
                try #require(WebSeed("http://c/", style: .getRight)),
                try #require(WebSeed("http://d/", style: .hoffman)),
            ],
            creationDate: 1_000_000
        )
    }

    @Test func keepsAMagnetLinkUntilItsTorrentIsRegistered() throws {
        var magnet = try MagnetLink("magnet:?xt=urn:btih:\(infoHash)&dn=first")
        do {
            let store = try StateStore(directory: directory.path)
            #expect(try store.register(magnet, infoHash: infoHash, addedTime: 5).addedTime == 5)
            magnet.trackers = ["http://a/"]
            #expect(try store.register(magnet, infoHash: infoHash, addedTime: 6).addedTime == 5)
        }
        let store = try StateStore(directory: directory.path)
        #expect(try store.magnetInfoHashes() == [infoHash])
        let record = try #require(try store.magnet(infoHash))
        #expect(record.magnet == magnet)
        #expect(record.addedTime == 5)
        #expect(try store.infoBytes(of: infoHash) == nil)
        _ = try store.register(metainfo, addedTime: 7)
        #expect(try store.magnetInfoHashes() == [])
        #expect(try store.infoBytes(of: infoHash) == metainfo.infoBytes)
        _ = try store.register(magnet, infoHash: infoHash, addedTime: 8)
        try store.removeMagnet(infoHash)
        #expect(try store.magnetInfoHashes() == [])
    }

    @Test func keepsTheWebSeedsOfATorrent() throws {
        do {
            let store = try StateStore(directory: directory.path)
            #expect(try store.register(metainfo, addedTime: 5).webSeeds == metainfo.webSeeds)
        }
        let store = try StateStore(directory: directory.path)
        #expect(try store.torrent(infoHash)?.webSeeds == metainfo.webSeeds)
        let bare = Metainfo(
            infoHash: infoHash,
            info: metainfo.info,
            infoBytes: metainfo.infoBytes,
            trackerTiers: metainfo.trackerTiers,
            creationDate: nil
        )
        #expect(try store.register(bare, addedTime: 6).webSeeds == [])
    }

    @Test func readsBackAMagnetLinkThatGrewByEscaping() throws {
        let name = String(repeating: "/", count: 60_000)
        let magnet = try MagnetLink("magnet:?xt=urn:btih:\(infoHash)&dn=\(name)")
        #expect("\(magnet)".utf8.count > MagnetLink.maximumByteCount)
        let store = try StateStore(directory: directory.path)
        _ = try store.register(magnet, infoHash: infoHash, addedTime: 5)
        #expect(try store.magnet(infoHash)?.magnet == magnet)
    }

    @Test func keepsTorrentsAndSettingsOverAReopen() throws {
        do {
            let store = try StateStore(directory: directory.path)
            let record = try store.register(metainfo, addedTime: 5)
            #expect(record.addedTime == 5)
            #expect(try store.setting(.handleKey) == nil)
            #expect(try store.setting(.handleKey, orStore: [1, 2, 3]) == [1, 2, 3])
            try store.recordCompleted([infoHash: [PieceIndex(3)]])
        }
        let store = try StateStore(directory: directory.path)
        #expect(try store.setting(.handleKey, orStore: [9]) == [1, 2, 3])
        let record = try #require(try store.torrent(infoHash))
        #expect(record.infoHash == infoHash)
        #expect(record.infoBytes == metainfo.infoBytes)
        #expect(record.trackerTiers == metainfo.trackerTiers)
        #expect(record.creationDate == 1_000_000)
        #expect(try store.completedPieces(of: infoHash, count: 5)[PieceIndex(3)])
    }

    @Test func firstAddedTimeNeverChanges() throws {
        let store = try StateStore(directory: directory.path)
        _ = try store.register(metainfo, addedTime: 5)
        #expect(try store.register(metainfo, addedTime: 6).addedTime == 5)
        #expect(try store.registrations().map(\.addedTime) == [5])
    }

    @Test func removalForgetsTheTorrentAndItsPieces() throws {
        let store = try StateStore(directory: directory.path)
        _ = try store.register(metainfo, addedTime: 5)
        try store.recordCompleted([infoHash: [PieceIndex(0)]])
        try store.removeTorrent(infoHash)
        #expect(try store.registrations().isEmpty)
        #expect(try store.completedPieces(of: infoHash, count: 1).isEmpty)
    }

    @Test func piecesSpanPages() throws {
        let store = try StateStore(directory: directory.path)
        let count = 3 * StateStore.piecesPerPage + 11
        let pieces = [0, 1, 4095, 4096, 8191, 12288, count - 1].map { PieceIndex($0) }
        for piece in pieces { try store.recordCompleted([infoHash: [piece]]) }
        let completed = try store.completedPieces(of: infoHash, count: count)
        #expect((0..<count).map { PieceIndex($0) }.filter { completed[$0] } == pieces)
        var kept = Bitfield(count: count)
        kept[PieceIndex(4096)] = true
        try store.replaceCompleted(of: infoHash, with: kept)
        #expect(try store.completedPieces(of: infoHash, count: count) == kept)
    }

    @Test func recordedPiecesBeyondTheTorrentAreDamage() throws {
        let store = try StateStore(directory: directory.path)
        try store.recordCompleted([infoHash: [PieceIndex(9000)]])
        #expect(throws: StateStoreError.self) {
            try store.completedPieces(of: infoHash, count: 100)
        }
    }

    @Test func refusesADirectoryThatAnotherServerHolds() throws {
        let store = try StateStore(directory: directory.path)
        let error = #expect(throws: StateStoreError.self) {
            try StateStore(directory: directory.path)
        }
        #expect(error == .inUse(directory: directory.path))
        withExtendedLifetime(store) {}
    }

    @Test func saysWhyADirectoryCannotBeUsed() throws {
        try Data().write(to: URL(fileURLWithPath: "\(directory.path)/file"))
        let error = #expect(throws: StateStoreError.self) {
            try StateStore(directory: "\(directory.path)/file/state")
        }
        #expect(error?.description.contains("Not a directory") == true)
    }

    @Test func journalRecordsEverythingByItsFlush() async throws {
        let store = try StateStore(directory: directory.path)
        let journal = CompletionJournal(store: store) { Issue.record("\($0)") }
        let infoHash = infoHash
        await withTaskGroup { group in
            for number in 0..<1000 {
                group.addTask { journal.record(PieceIndex(number * 7), of: infoHash) }
            }
        }
        journal.flush()
        let completed = try store.completedPieces(of: infoHash, count: 7000)
        #expect(completed.setCount == 1000)
        #expect(completed[PieceIndex(6993)])
    }

    @Test func keepsWhatVersion2HasBesides() throws {
        let root = SHA256Digest(hashing: [1])
        let layer = [SHA256Digest(hashing: [2]), SHA256Digest(hashing: [3])]
        let hash = Version2InfoHash(ofInfoDictionary: metainfo.infoBytes)
        let version2 = Metainfo(
            infoHash: infoHash,
            version2Hash: hash,
            info: metainfo.info,
            infoBytes: metainfo.infoBytes,
            trackerTiers: [],
            creationDate: nil,
            pieceLayers: [root: layer]
        )
        do {
            let store = try StateStore(directory: directory.path)
            // Nothing is kept of a torrent that is not registered.
            try store.recordPieceLayers([root: layer], of: infoHash)
            let registered = try store.register([version2], addedTime: 5)
            #expect(registered.map(\.version2Hash) == [hash])
            let other = SHA256Digest(hashing: [4])
            try store.recordPieceLayers([other: layer, root: []], of: infoHash)
        }
        let store = try StateStore(directory: directory.path)
        #expect(try store.registrations().map(\.version2Hash) == [hash])
        let layers = try store.torrent(infoHash)?.pieceLayers
        #expect(layers == [root: layer, SHA256Digest(hashing: [4]): layer])
        try store.removeTorrent(infoHash)
        _ = try store.register([metainfo], addedTime: 6)
        #expect(try store.registrations().map(\.version2Hash) == [nil])
        #expect(try store.torrent(infoHash)?.pieceLayers == [:])
    }

    @Test func forgetsPiecesFromTheEndPageByPage() throws {
        let store = try StateStore(directory: directory.path)
        let pieces = [0, 7, 8, 5000, 5001, 9000].map { PieceIndex($0) }
        try store.recordCompleted([infoHash: pieces])
        #expect(
            try store.forgetLastPieces(of: infoHash, count: 2)
                == [PieceIndex(9000), PieceIndex(5001)]
        )
        #expect(
            try store.completedPieces(of: infoHash, count: 10_000).pieces == Array(pieces[..<4])
        )
        let kept = try store.forgetLastPieces(of: infoHash, count: 100) { _ in true }
        #expect(kept.isEmpty)
        #expect(try store.forgetLastPieces(of: infoHash, count: 100).count == 4)
        #expect(try store.forgetLastPieces(of: infoHash, count: 1) == [])
    }

    @Test func aForgottenPieceIsNotRecordedByWhatCameBefore() throws {
        let store = try StateStore(directory: directory.path)
        let journal = CompletionJournal(store: store) { _ in }
        let piece = PieceIndex(3)
        for _ in 0..<20 {
            journal.record(piece, of: infoHash)
            journal.record(PieceIndex(4), of: infoHash)
            try journal.forget([piece], of: infoHash)
            #expect(try store.completedPieces(of: infoHash, count: 10).pieces == [PieceIndex(4)])
        }
        journal.record(piece, of: infoHash)
        journal.flush()
        #expect(try store.completedPieces(of: infoHash, count: 10)[piece])
    }

    @Test func aRunThatDidNotEndIsFollowedByAnother() throws {
        do {
            let store = try StateStore(directory: directory.path)
            #expect(try store.beginRun(boot: "a") == 1)
        }
        do {
            let store = try StateStore(directory: directory.path)
            #expect(try store.beginRun(boot: "a") == 2)
            try store.endRun(boot: "a")
            #expect(try store.beginRun(boot: "a") == 2)
            try store.endRun(boot: "a")
        }
        let store = try StateStore(directory: directory.path)
        // The machine was started again: what was not on its disk is lost.
        #expect(try store.beginRun(boot: "b") == 3)
        #expect(try store.lastRun() == 3)
        #expect(try store.nextRun(boot: "b") == 4)
        try store.endRun(boot: "b")
        #expect(try store.nextRun(boot: "b") == 3 && store.nextRun(boot: "c") == 4)
        // What is not known is no reason to trust.
        #expect(try store.beginRun(boot: nil) == 4)
        try store.endRun(boot: nil)
        #expect(try store.nextRun(boot: nil) == 5)
    }

    @Test func keepsTheUseOfTheCacheOfRegisteredTorrents() throws {
        let store = try StateStore(directory: directory.path)
        let use = StateStore.CacheUse(pieceLength: 1 << 26, lastRead: .max, checkedRun: 7)
        try store.setCacheUse(use, of: infoHash)
        #expect(try store.cacheUse(of: infoHash) == nil)
        _ = try store.register(metainfo, addedTime: 1)
        try store.setCacheUse(use, of: infoHash)
        #expect(try store.cacheUse(of: infoHash) == use)
        #expect(try store.cacheUses() == [infoHash: use])
        try store.setChecked(infoHash, in: 9)
        #expect(try store.cacheUse(of: infoHash)?.checkedRun == 9)
        try store.removeTorrent(infoHash)
        #expect(try store.cacheUses() == [:])
    }
}
