import BitTorrentProtocol
import StateStore
import Testing

@testable import TorrentEngine

@Suite struct PinTests {
    /// Four files of 16 pieces each.
    private static func sample() throws -> Sample {
        try Sample(byteCount: 1 << 20, pieceLength: 1 << 14, fileCount: 4)
    }

    private static func pieces(of pinned: PinnedFiles) -> [PieceIndex] {
        (pinned.part ?? [0...3]).joined().flatMap { file in
            (file * 16..<(file + 1) * 16).map { PieceIndex($0) }
        }
    }

    @Test func whatTheUserPinsComesByItselfAndOutlivesARestart() async throws {
        try await withTimeLimit {
            let (sample, directory) = (try Self.sample(), try TemporaryDirectory())
            let infoHash = sample.infoHash
            let seed = try await Node(try TemporaryDirectory())
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)

            func run(_ body: (Session) async throws -> Void) async throws {
                let session = try await Node(directory).session
                let torrent = try await session.add(sample.metainfo, addedTime: 1)
                try await body(session)
                await session.addPeers(infoHash, [try seed.address])
                try await until {
                    try session.store.completedPieces(of: infoHash, count: 64).pieces
                        == Self.pieces(of: torrent.pinned)
                }
                await session.shutdown()
            }
            try await run { try await $0.pin(infoHash, PinnedFiles([1...1])) }
            try await run { try await $0.pin(infoHash, PinnedFiles([3...3])) }
            try await run {
                #expect($0.torrent(infoHash)?.pinned == PinnedFiles([1...1, 3...3]))
                try await $0.pin(infoHash)
            }
            await seed.session.shutdown()
        }
    }

    @Test func routesAndTheUserPinTogether() async throws {
        try await withTimeLimit {
            let sample = try Self.sample()
            let infoHash = sample.infoHash
            let node = try await Node(try TemporaryDirectory())
            let session = node.session
            let torrent = try await session.add(sample.metainfo, addedTime: 1)
            session.setWishes([infoHash: .pin], selections: [infoHash: [0...0]])
            #expect(torrent.pinned == PinnedFiles([0...0]))
            try await session.pin(infoHash, PinnedFiles([2...2]))
            #expect(torrent.pinned == PinnedFiles([0...0, 2...2]))
            // All that the user wants is more than what a route does.
            try await session.pin(infoHash)
            #expect(torrent.pinned == .all)
            try await session.unpin(infoHash, PinnedFiles([0...1]))
            #expect(torrent.pinned == PinnedFiles([0...0, 2...3]))
            session.setWishes([:])
            #expect(torrent.pinned == PinnedFiles([2...3]))
            try await session.unpin(infoHash)
            #expect(torrent.pinned == .nothing && !torrent.isWanted)
            await session.shutdown()
        }
    }
}
