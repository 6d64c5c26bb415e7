import BitTorrentProtocol
import Foundation
import NIOCore
import StateStore
import Testing

@testable import TorrentEngine

@Suite struct SessionTests {
    @Test func peersOfBothFamiliesReachOneListener() async throws {
        try await withTimeLimit {
            let seed = try await Node(try TemporaryDirectory()) { $0.listenHost = "::" }
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            for host in ["127.0.0.1", "::1"] {
                let node = try await Node(try TemporaryDirectory())
                let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
                let address = try #require(PeerAddress(numericHost: host, port: seed.port))
                await node.session.addPeers(sample.infoHash, [address])
                let bytes = try await torrent.bytes(sample.range, of: sample)
                #expect(bytes == sample.bytes(sample.range))
                await node.session.shutdown()
            }
            await seed.session.shutdown()
        }
    }

    @Test func readsWhatAnotherSessionSeeds() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 5_000_001, pieceLength: 1 << 18)
            let (a, b) = (try TemporaryDirectory(), try TemporaryDirectory())
            let (seed, node) = (try await Node(a), try await Node(b))
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            #expect(torrent.verifiedPrefix(of: sample.range) == 0)
            await node.session.addPeers(sample.infoHash, [try seed.address])
            let middle = UInt64(2_000_000)..<2_100_000
            #expect(try await torrent.bytes(middle, of: sample) == sample.bytes(middle))
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            #expect(await torrent.isComplete)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func servesCachedPiecesAfterARestartWithoutPeers() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 1_000_000, pieceLength: 1 << 16)
            let (a, b) = (try TemporaryDirectory(), try TemporaryDirectory())
            let range = UInt64(0)..<200_000
            do {
                let (seed, node) = (try await Node(a), try await Node(b))
                _ = try await seed.session.addSeed(
                    sample.metainfo,
                    addedTime: 1,
                    content: sample.bytes
                )
                let torrent = try await node.session.add(sample.metainfo, addedTime: 7)
                await node.session.addPeers(sample.infoHash, [try seed.address])
                #expect(try await torrent.bytes(range, of: sample) == sample.bytes(range))
                await node.session.shutdown()
                await seed.session.shutdown()
            }
            let node = try await Node(b)
            let torrent = try #require(node.session.torrent(sample.infoHash))
            #expect(torrent.addedTime == 7)
            #expect(torrent.isCold && torrent.verifiedPrefix(of: range) == 0)
            _ = try #require(await torrent.warmed())
            #expect(torrent.verifiedPrefix(of: range) == 200_000)
            #expect(try await torrent.bytes(range, of: sample) == sample.bytes(range))
            await node.session.shutdown()
        }
    }

    @Test func forgetsPiecesWhoseFileIsGone() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 300_000, pieceLength: 1 << 16)
            let directory = try TemporaryDirectory()
            do {
                let node = try await Node(directory)
                let torrent = try await node.session.addSeed(
                    sample.metainfo,
                    addedTime: 1,
                    content: sample.bytes
                )
                #expect(torrent.verifiedPrefix(of: sample.range) == 300_000)
                await node.session.shutdown()
            }
            try FileManager.default.removeItem(atPath: "\(directory.path)/cache")
            let node = try await Node(directory)
            let torrent = try #require(node.session.torrent(sample.infoHash))
            _ = try #require(await torrent.warmed())
            #expect(torrent.verifiedPrefix(of: sample.range) == 0)
            #expect(throws: TorrentReadError.notVerified) {
                try torrent.read(0..<10, on: Node.loop)
            }
            await node.session.shutdown()
        }
    }

    @Test func addingTwiceGivesTheSameTorrent() async throws {
        let sample = try Sample(byteCount: 100, pieceLength: 1 << 14)
        let node = try await Node(try TemporaryDirectory())
        let first = try await node.session.add(sample.metainfo, addedTime: 1)
        let second = try await node.session.add(sample.metainfo, addedTime: 2)
        #expect(first === second)
        #expect(node.session.torrentCount == 1)
        await node.session.shutdown()
    }

    @Test func refusesToSeedWrongContent() async throws {
        let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
        let other = try Sample(byteCount: 100_000, pieceLength: 1 << 14, seed: 2)
        let node = try await Node(try TemporaryDirectory())
        let error = await #expect(throws: SessionError.self) {
            try await node.session.addSeed(
                sample.metainfo,
                addedTime: 1,
                content: other.bytes
            )
        }
        #expect(error == .wrongContent(infoHash: sample.infoHash, piece: PieceIndex(0)))
        await node.session.shutdown()
    }

    @Test func removalWakesReaders() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            let news = AsyncStream<Availability>.makeStream()
            _ = torrent.wait(for: 0..<10) { news.continuation.yield($0) }
            try await node.session.remove(sample.infoHash)
            #expect(await news.stream.first { _ in true } == .removed)
            #expect(node.session.torrentCount == 0)
            #expect(throws: TorrentReadError.removed) {
                try torrent.read(0..<10, on: Node.loop)
            }
            // A wait that begins too late is told as well.
            _ = torrent.wait(for: 0..<10) { news.continuation.yield($0) }
            #expect(await news.stream.first { _ in true } == .removed)
            await node.session.shutdown()
        }
    }

    @Test func saysWhereItCannotListen() async throws {
        let node = try await Node(try TemporaryDirectory())
        let directory = try TemporaryDirectory()
        let port = node.port
        let error = await #expect(throws: SessionError.self) {
            _ = try await Node(directory) { $0.listenPort = port }
        }
        #expect(error?.description.contains("127.0.0.1:\(port)") == true)
        await node.session.shutdown()
    }

    @Test func countsWhatItHasMoved() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 300_001, pieceLength: 1 << 16)
            let seed = try await Node(try TemporaryDirectory())
            let source = try await seed.session.addSeed(
                sample.metainfo,
                addedTime: 1,
                content: sample.bytes
            )
            // A seed that is known already, as after a restart, is the same torrent.
            #expect(
                try await seed.session.addSeed(
                    sample.metainfo,
                    addedTime: 1,
                    content: sample.bytes
                ) === source
            )
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            await node.session.addPeers(sample.infoHash, [try seed.address])
            _ = try await torrent.bytes(sample.range, of: sample)
            let status = try await torrent.status
            #expect(status.verifiedByteCount == 300_001)
            #expect(status.downloadedByteCount >= 300_001)
            #expect(try await source.status.uploadedByteCount >= 300_001)
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func awaitsPeersOnTheNextPortIfOneIsTaken() async throws {
        try await withTimeLimit {
            let first = try await Node(try TemporaryDirectory())
            let second = try await Node(try TemporaryDirectory()) {
                $0.listenPort = first.port
                $0.listenPortCount = 20
            }
            #expect(second.port > first.port && second.port < first.port + 20)
            await #expect(throws: SessionError.self) {
                _ = try await Node(try TemporaryDirectory()) { $0.listenPort = first.port }
            }
            await second.session.shutdown()
            await first.session.shutdown()
        }
    }
}
