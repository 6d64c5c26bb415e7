import BitTorrentProtocol
import NIOCore
import StateStore
import Testing

@testable import TorrentEngine

/// Torrents of v2 between sessions of this program (BEP 52).
@Suite struct Version2Tests {
    private func seed(_ sample: Sample) async throws -> Node {
        let node = try await Node(try TemporaryDirectory())
        _ = try await node.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
        return node
    }

    @Test(arguments: [TorrentInfo.Version.version2, .hybrid], [1 << 14, 1 << 20])
    func isReadFromAnotherSession(version: TorrentInfo.Version, pieceLength: Int) async throws {
        try await withTimeLimit {
            let sample = try Sample(
                byteCount: 1_500_001,
                pieceLength: pieceLength,
                version: version
            )
            let seed = try await seed(sample)
            let directory = try TemporaryDirectory()
            do {
                let node = try await Node(directory)
                let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
                await node.session.addPeers(sample.infoHash, [try seed.address])
                let range = UInt64(900_000)..<1_000_000
                #expect(try await torrent.bytes(range, of: sample) == sample.bytes(range))
                #expect(
                    try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range)
                )
                await node.session.shutdown()
            }
            await seed.session.shutdown()
            // What was verified is there after a restart, without a peer.
            let node = try await Node(directory)
            let torrent = try #require(node.session.torrent(sample.infoHash))
            #expect(await torrent.isComplete)
            await node.session.shutdown()
        }
    }

    @Test(arguments: [TorrentInfo.Version.version2, .hybrid])
    func aLinkByTheHashOfVersion2BecomesATorrent(version: TorrentInfo.Version) async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 300_001, pieceLength: 1 << 15, version: version)
            let hash = try #require(sample.metainfo.version2Hash)
            let seed = try await seed(sample)
            var magnet = try #require(MagnetLink(infoHash: nil, version2Hash: hash))
            magnet.peers = [try seed.address]
            let directory = try TemporaryDirectory()
            do {
                let node = try await Node(directory)
                #expect(try await node.session.add(magnet, addedTime: 7) == nil)
                #expect(node.session.pendingMagnets == [hash.truncated])
                for await _ in node.session.metadataArrivals {
                    if node.session.torrent(sample.infoHash) != nil { break }
                }
                #expect(node.session.pendingMagnets == [])
                let torrent = try #require(node.session.torrent(hash.truncated))
                #expect(torrent.infoHash == sample.infoHash)
                #expect(
                    try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range)
                )
                #expect(try await node.session.add(magnet, addedTime: 8) === torrent)
                await node.session.shutdown()
            }
            await seed.session.shutdown()
            let node = try await Node(directory)
            #expect(node.session.torrent(hash.truncated)?.version2Hash == hash)
            let record = try node.session.resources.store.torrent(sample.infoHash)
            // The hashes of the pieces came from the seed.
            if version == .version2 {
                #expect(record?.pieceLayers == sample.metainfo.pieceLayers)
            }
            await node.session.shutdown()
        }
    }

    @Test func twoTorrentsOfOneNameAreNotMixedUp() async throws {
        let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14, version: .version2)
        let other = Metainfo(
            infoHash: sample.infoHash,
            info: sample.metainfo.info,
            infoBytes: sample.metainfo.infoBytes,
            trackerTiers: [],
            creationDate: nil
        )
        let node = try await Node(try TemporaryDirectory())
        _ = try await node.session.add(other, addedTime: 1)
        await #expect(throws: SessionError.sameName(sample.infoHash)) {
            try await node.session.add(sample.metainfo, addedTime: 1)
        }
        await node.session.shutdown()
    }
}
