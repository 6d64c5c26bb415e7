import BitTorrentProtocol
import NIOCore
import NIOPosix
import Testing

@testable import TorrentEngine

@Suite struct EncryptionTests {
    /// Reads all of a seed's content and says how the bytes began to travel.
    func read(
        from seeding: EncryptionPolicy,
        by reading: EncryptionPolicy
    ) async throws -> [StreamOpening] {
        let sample = try Sample(byteCount: 1_500_001, pieceLength: 1 << 17)
        let seed = try await Node(try TemporaryDirectory()) { $0.encryption = seeding }
        _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
        let relay = try await Relay(to: try seed.address)
        let node = try await Node(try TemporaryDirectory()) { $0.encryption = reading }
        let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
        await node.session.addPeers(sample.infoHash, [relay.address])
        #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
        await node.session.shutdown()
        await seed.session.shutdown()
        try await relay.close()
        return relay.openings
    }

    @Test(
        arguments: [
            (.prefer, .prefer, [.plaintext]),
            (.prefer, .require, [.encrypted]),
            (.prefer, .disable, [.plaintext]),
            (.require, .prefer, [.plaintext, .encrypted]),
            (.require, .require, [.encrypted]),
            (.disable, .prefer, [.plaintext]),
            (.disable, .disable, [.plaintext]),
        ] as [(EncryptionPolicy, EncryptionPolicy, [StreamOpening])]
    )
    func policiesThatFitMeet(
        seed: EncryptionPolicy,
        reader: EncryptionPolicy,
        openings: [StreamOpening]
    ) async throws {
        try await withTimeLimit {
            let seen = try await self.read(from: seed, by: reader)
            #expect(seen == openings)
        }
    }

    @Test(
        arguments: [(.require, .disable), (.disable, .require)]
            as [(EncryptionPolicy, EncryptionPolicy)]
    )
    func policiesThatDoNotFitPart(
        seeding: EncryptionPolicy,
        reading: EncryptionPolicy
    ) async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            let seed = try await Node(try TemporaryDirectory()) { $0.encryption = seeding }
            let source = try await seed.session.addSeed(
                sample.metainfo,
                addedTime: 1,
                content: sample.bytes
            )
            let relay = try await Relay(to: try seed.address)
            let node = try await Node(try TemporaryDirectory()) { $0.encryption = reading }
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            await node.session.addPeers(sample.infoHash, [relay.address])
            torrent.noteRead(sample.range, of: 0, by: 1)
            await relay.ended()
            #expect(torrent.verifiedPrefix(of: sample.range) == 0)
            #expect(try await source.status.uploadedByteCount == 0)
            await node.session.shutdown()
            await seed.session.shutdown()
            try await relay.close()
        }
    }

    @Test func anAddressThatNeedsEncryptionIsRemembered() async throws {
        try await withTimeLimit {
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            let seed = try await Node(try TemporaryDirectory()) { $0.encryption = .require }
            _ = try await seed.session.addSeed(sample.metainfo, addedTime: 1, content: sample.bytes)
            let address = try seed.address
            #expect(!node.session.resources.encryptedDials.encrypts(address))
            await node.session.addPeers(sample.infoHash, [address])
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            #expect(node.session.resources.encryptedDials.encrypts(address))
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }

    @Test func aSilentPeerIsDialledAgainWithEncryption() async throws {
        try await withTimeLimit {
            let (openings, opened) = AsyncStream<StreamOpening>.makeStream()
            let silent = try await ServerBootstrap(group: Node.group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            SilentPeer { opened.yield($0) }
                        )
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            let sample = try Sample(byteCount: 100_000, pieceLength: 1 << 14)
            let node = try await Node(try TemporaryDirectory()) {
                $0.connectTimeout = .milliseconds(200)
            }
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            await node.session.addPeers(sample.infoHash, [silent.peerAddress].compactMap(\.self))
            torrent.noteRead(sample.range, of: 0, by: 1)
            var iterator = openings.makeAsyncIterator()
            #expect(await iterator.next() == .plaintext)
            #expect(await iterator.next() == .encrypted)
            await node.session.shutdown()
            try await silent.close()
        }
    }
}

/// Says how a connection begins, and nothing else ever.
private final class SilentPeer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var note: ((StreamOpening) -> Void)?

    init(note: @escaping (StreamOpening) -> Void) { self.note = note }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        note?(StreamOpening(of: unwrapInboundIn(data)))
        note = nil
    }
}
