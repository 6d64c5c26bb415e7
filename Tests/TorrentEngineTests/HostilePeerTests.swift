import BitTorrentProtocol
import NIOCore
import NIOPosix
import Testing

@testable import TorrentEngine

@Suite struct HostilePeerTests {
    @Test func aLyingPeerDoesNotSpoilTheBytes() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 4_000_000, pieceLength: 1 << 17)
            let liar = try await ScriptedPeer.serve(sample) { $0.offset == 1 << 14 }
            let honest = try await ScriptedPeer.serve(sample) { _ in false }
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            // Alone at first, so that its lies are believed until the hash says otherwise.
            await node.session.addPeers(sample.infoHash, [liar.peerAddress].compactMap(\.self))
            async let bytes = torrent.bytes(sample.range, of: sample)
            await node.session.addPeers(sample.infoHash, [honest.peerAddress].compactMap(\.self))
            #expect(try await bytes == sample.bytes(sample.range))
            await node.session.shutdown()
            try await liar.close()
            try await honest.close()
        }
    }

    @Test func garbageAndTruncatedHandshakesEndOnlyTheirConnection() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            let seed = try await Node(try TemporaryDirectory()) {
                $0.connectTimeout = .seconds(1)
            }
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            let address = try seed.address
            var generator = SystemRandomNumberGenerator()
            let id = PeerID(using: &generator)
            let stranger = try #require(InfoHash(bytes: [UInt8](repeating: 9, count: 20)))
            var whole = ByteBuffer()
            Handshake(capabilities: [], infoHash: sample.infoHash, peerID: id).encode(into: &whole)
            var unknown = ByteBuffer()
            Handshake(capabilities: [], infoHash: stranger, peerID: id).encode(into: &unknown)
            let truncated = try #require(whole.getSlice(at: 0, length: 60))
            var badLength = whole
            badLength.writeInteger(UInt32.max)
            var badMessage = whole
            badMessage.writeBytes([0, 0, 0, 2, 0, 0])
            let garbage = ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n")
            for bytes in [garbage, truncated, unknown, badLength, badMessage] {
                try await ScriptedPeer.connect(to: address, sending: bytes).closed()
            }
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            await node.session.addPeers(sample.infoHash, [address])
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func aWaitHearsOfTheGrowingPrefix() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 1_000_000, pieceLength: 1 << 14)
            let peer = try await ScriptedPeer.serve(sample) { _ in false }
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            let news = AsyncStream<Availability>.makeStream()
            _ = torrent.wait(for: sample.range) { news.continuation.yield($0) }
            await node.session.addPeers(sample.infoHash, [peer.peerAddress].compactMap(\.self))
            var last: UInt64 = 0
            for await case .verified(let prefix) in news.stream {
                #expect(prefix > last)
                #expect(torrent.verifiedPrefix(of: sample.range) >= prefix)
                last = prefix
                if last == 1_000_000 { break }
            }
            await node.session.shutdown()
            try await peer.close()
        }
    }
}
