import BitTorrentProtocol
import NIOCore
import Testing

@testable import TorrentEngine

@Suite struct TrackerTests {
    /// By its address, and by a name that has to be looked up.
    @Test(arguments: ["127.0.0.1", "localhost"])
    func announcesWhenSomebodyReadsAndSaysGoodbye(host: String) async throws {
        try await withTimeLimit {
            let directory = try TemporaryDirectory()
            let seed = try await Node(directory)
            let port = seed.port
            let tracker = try await ScriptedTracker { _ in
                ScriptedTracker.response(
                    Array("d8:intervali900e5:peersld2:ip9:\(host)4:porti\(port)eeee".utf8)
                )
            }
            let sample = try Sample(
                byteCount: 200_000,
                pieceLength: 1 << 14,
                trackers: [[tracker.url]]
            )
            let bare = try Sample(byteCount: 200_000, pieceLength: 1 << 14)
            #expect(bare.infoHash == sample.infoHash)
            _ = try await seed.session.addSeed(bare.metainfo, addedTime: 1, content: bare.bytes)
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            var requests = tracker.requests.makeAsyncIterator()
            let first = try #require(await requests.next())
            #expect(first.contains("event=started"))
            #expect(first.contains("left=200000"))
            #expect(first.contains("port=\(node.port)"))
            await node.session.shutdown()
            var last = first
            while !last.contains("event=stopped") { last = try #require(await requests.next()) }
            #expect(last.contains("left=0"))
            try await tracker.close()
            await seed.session.shutdown()
        }
    }

    @Test func aSilentTrackerDoesNotHoldUpTheEnd() async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedTracker { line in
                line.contains("event=stopped")
                    ? nil : ScriptedTracker.response(Array("d8:intervali900e5:peers0:e".utf8))
            }
            let sample = try Sample(
                byteCount: 200_000,
                pieceLength: 1 << 14,
                trackers: [[tracker.url]]
            )
            let node = try await Node(try TemporaryDirectory()) {
                $0.farewellTimeout = .milliseconds(1)
            }
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            torrent.noteRead(0..<10, of: 0, by: 1)
            var requests = tracker.requests.makeAsyncIterator()
            _ = await requests.next()
            // Otherwise it would last as long as an announce may: beyond the time limit.
            await node.session.shutdown()
            try await tracker.close()
        }
    }

    @Test(arguments: [
        "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nnonsense!",
        "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: /announce\r\nContent-Length: 0\r\n\r\n",
        "nothing like HTTP\r\n\r\n",
    ])
    func nonsenseIsAnError(answer: String) async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedTracker { _ in
                answer.contains("2000000")
                    ? answer + String(repeating: "x", count: 2_000_000) : answer
            }
            let client = HTTPTracker(
                group: Node.group,
                addresses: AddressFilter(allowsLoopback: true),
                patience: .endless
            )
            let request = try announce()
            await #expect(throws: (any Error).self) {
                try await client.announce(to: tracker.url, request, timeout: .seconds(600))
            }
            await client.shutdown()
            try await tracker.close()
        }
    }

    @Test(arguments: [
        "http://127.0.0.1/a", "http://localhost:80/a", "http://[::1]:1/a", "http://user@127.0.0.1/",
        "http://169.254.169.254/latest", "http://[::ffff:127.0.0.1]/a", "http://0.0.0.0/",
    ])
    func doesNotAnnounceToThisMachineUnlessAllowed(url: String) async throws {
        let client = HTTPTracker(
            group: Node.group,
            addresses: AddressFilter(allowsLoopback: false)
        )
        let request = try announce()
        await #expect(throws: RemoteFailure.self) {
            try await client.announce(to: url, request, timeout: .seconds(600))
        }
        await client.shutdown()
    }

    private func announce() throws -> AnnounceRequest {
        var generator = SystemRandomNumberGenerator()
        return AnnounceRequest(
            infoHash: try #require(InfoHash(bytes: Array(1...20))),
            peerID: PeerID(using: &generator),
            port: 1,
            left: 1,
            key: 1
        )
    }
}
