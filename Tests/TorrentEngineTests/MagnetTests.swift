import BitTorrentProtocol
import NIOCore
import NIOPosix
import Testing

@testable import TorrentEngine

@Suite struct MagnetTests {
    private func magnet(_ sample: Sample, from peers: [PeerAddress?] = []) throws -> MagnetLink {
        var magnet = try #require(MagnetLink(infoHash: sample.infoHash))
        magnet.peers = peers.compactMap(\.self)
        return magnet
    }

    /// Returns once the metadata of a link has come.
    private func arrival(at node: Node, of sample: Sample) async throws -> RegisteredTorrent {
        for await _ in node.session.metadataArrivals {
            if let torrent = node.session.torrent(sample.infoHash) { return torrent }
        }
        throw SessionError.stopped
    }

    private func seed(_ sample: Sample) async throws -> Node {
        let node = try await Node(try TemporaryDirectory())
        _ = try await node.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
        return node
    }

    /// Several blocks of metadata.
    private func sample(isPrivate: Bool = false) throws -> Sample {
        try Sample(
            byteCount: 100_000,
            pieceLength: 1 << 14,
            name: String(repeating: "long", count: 10_000),
            isPrivate: isPrivate
        )
    }

    @Test func aMagnetLinkBecomesATorrentThatCanBeRead() async throws {
        try await withTimeLimit {
            let sample = try sample()
            #expect(sample.metainfo.infoBytes.count > 2 * MetadataMessage.blockByteCount)
            let seed = try await seed(sample)
            let node = try await Node(try TemporaryDirectory())
            let magnet = try magnet(sample, from: [try seed.address])
            #expect(try await node.session.add(magnet, addedTime: 7) == nil)
            let torrent = try await arrival(at: node, of: sample)
            #expect(torrent.addedTime == 7)
            #expect(node.session.pendingMagnets == [])
            let range = UInt64(10_000)..<70_000
            #expect(try await torrent.bytes(range, of: sample) == sample.bytes(range))
            #expect(try await node.session.add(magnet, addedTime: 8) === torrent)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func aPeerThatTheLinkNamesByItsHostIsFound() async throws {
        try await withTimeLimit {
            let sample = try sample()
            let seed = try await seed(sample)
            let node = try await Node(try TemporaryDirectory())
            let link = "magnet:?xt=urn:btih:\(sample.infoHash)&x.pe=localhost:\(seed.port)"
            _ = try await node.session.add(try MagnetLink(link), addedTime: 7)
            let torrent = try await arrival(at: node, of: sample)
            #expect(torrent.infoHash == sample.infoHash)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func aMagnetLinkOutlivesARestartAndSoDoesItsTorrent() async throws {
        try await withTimeLimit {
            let sample = try sample()
            let directory = try TemporaryDirectory()
            do {
                let node = try await Node(directory)
                _ = try await node.session.add(try magnet(sample), addedTime: 7)
                await node.session.shutdown()
            }
            let seed = try await seed(sample)
            do {
                let node = try await Node(directory)
                #expect(node.session.pendingMagnets == [sample.infoHash])
                await node.session.addPeers(sample.infoHash, [try seed.address])
                #expect(try await arrival(at: node, of: sample).addedTime == 7)
                await node.session.shutdown()
            }
            await seed.session.shutdown()
            let node = try await Node(directory)
            #expect(node.session.pendingMagnets == [])
            #expect(node.session.torrent(sample.infoHash)?.addedTime == 7)
            await node.session.shutdown()
        }
    }

    @Test func aSeedThatDialsIsAskedToo() async throws {
        try await withTimeLimit {
            let sample = try sample()
            let node = try await Node(try TemporaryDirectory())
            _ = try await node.session.add(try magnet(sample), addedTime: 7)
            // A torrent dials while somebody reads; what it lacks it asks of the other side.
            let seed = try await Node(try TemporaryDirectory())
            let torrent = try await seed.session.add(sample.metainfo, addedTime: 1)
            torrent.noteRead(0..<100, of: 0, by: 1)
            await seed.session.addPeers(sample.infoHash, [try node.address])
            _ = try await arrival(at: node, of: sample)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func aLiarAboutTheMetadataIsFound() async throws {
        try await withTimeLimit {
            let sample = try sample()
            let liar = try await MetadataPeer.serve(sample) { $0[100] ^= 1 }
            let seed = try await seed(sample)
            let node = try await Node(try TemporaryDirectory())
            let magnet = try magnet(sample, from: [liar.peerAddress, try seed.address])
            _ = try await node.session.add(magnet, addedTime: 7)
            let torrent = try await arrival(at: node, of: sample)
            #expect(try torrent.loadInfo().geometry.totalLength == 100_000)
            await node.session.shutdown()
            await seed.session.shutdown()
            try await liar.close()
        }
    }

    @Test func metadataThatDescribesNoTorrentIsNotTakenUp() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 100, pieceLength: 1 << 14)
            let bytes = Array("d4:name4:namee".utf8)
            let peer = try await MetadataPeer.serve(sample) { $0 = bytes }
            let node = try await Node(try TemporaryDirectory())
            var magnet = try #require(MagnetLink(infoHash: InfoHash(ofInfoDictionary: bytes)))
            magnet.peers = [peer.peerAddress].compactMap(\.self)
            _ = try await node.session.add(magnet, addedTime: 7)
            // The connection is closed once the metadata is hashed.
            try await peer.closed()
            #expect(node.session.torrentCount == 0)
            await node.session.shutdown()
            try await peer.close()
        }
    }

    @Test func aPrivateTorrentGivesNobodyItsMetadata() async throws {
        try await withTimeLimit {
            let sample = try sample(isPrivate: true)
            let seed = try await seed(sample)
            let messages = try await MetadataPeer.ask(sample.infoHash, at: try seed.address)
            #expect(messages == [.reject(block: 0)])
            let open = try self.sample()
            _ = try await seed.session.addSeed(open.metainfo, addedTime: 1, content: open.bytes)
            let answers = try await MetadataPeer.ask(open.infoHash, at: try seed.address)
            let block = Array(open.metainfo.infoBytes.prefix(MetadataMessage.blockByteCount))
            let count = open.metainfo.infoBytes.count
            #expect(answers == [.data(block: 0, totalByteCount: count, payload: block)])
            await seed.session.shutdown()
        }
    }

    @Test func removingAMagnetLinkForgetsIt() async throws {
        let sample = try Sample(byteCount: 100, pieceLength: 1 << 14)
        let directory = try TemporaryDirectory()
        do {
            let node = try await Node(directory)
            _ = try await node.session.add(try magnet(sample), addedTime: 7)
            try await node.session.remove(sample.infoHash)
            #expect(node.session.pendingMagnets == [])
            await node.session.shutdown()
        }
        let node = try await Node(directory)
        #expect(node.session.pendingMagnets == [])
        await node.session.shutdown()
    }

    @Test func peersTellEachOtherOfTheSeed() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 500_000, pieceLength: 1 << 14)
            let seed = try await seed(sample)
            let middle = try await Node(try TemporaryDirectory())
            let far = try await Node(try TemporaryDirectory())
            let middleTorrent = try await middle.session.add(sample.metainfo, addedTime: 1)
            await middle.session.addPeers(sample.infoHash, [try seed.address])
            let start = UInt64(0)..<1000
            _ = try await middleTorrent.bytes(start, of: sample)
            let torrent = try await far.session.add(sample.metainfo, addedTime: 1)
            await far.session.addPeers(sample.infoHash, [try middle.address])
            // Most of it the one in the middle does not have.
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            for node in [far, middle, seed] { await node.session.shutdown() }
        }
    }
}
