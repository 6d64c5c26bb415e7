import BitTorrentProtocol
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
            #expect(await source.status.uploadedByteCount == 0)
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
            #expect(await !torrent.dialsEncrypted(address))
            await node.session.addPeers(sample.infoHash, [address])
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            #expect(await torrent.dialsEncrypted(address))
            await node.session.shutdown()
            await seed.session.shutdown()
        }
    }
}
