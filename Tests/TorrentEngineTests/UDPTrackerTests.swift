import BitTorrentProtocol
import NIOCore
import Testing

@testable import TorrentEngine

@Suite struct UDPTrackerTests {
    @Test func aUDPTrackerLeadsToPeersAndHearsOfTheEnd() async throws {
        try await withTimeLimit {
            let seed = try await Node(try TemporaryDirectory())
            let tracker = try await ScriptedUDPTracker(.names(try seed.address))
            // A name, so that it is looked up; the path goes along (BEP 41).
            let url = "udp://localhost:\(tracker.port)/announce"
            let sample = try Sample(byteCount: 200_000, pieceLength: 1 << 14, trackers: [[url]])
            let bare = try Sample(byteCount: 200_000, pieceLength: 1 << 14)
            _ = try await seed.session.addSeed(bare.metainfo, addedTime: 1, content: bare.bytes)
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            var announces = tracker.announces.makeAsyncIterator()
            let first = try #require(await announces.next())
            #expect(Array(first[16..<36]) == sample.infoHash.bytes)
            #expect(first[83] == 2)  // started
            #expect(first[96...97].reduce(0) { $0 << 8 | UInt16($1) } == node.port)
            #expect(Array(first[98...]).starts(with: [2, 9] + Array("/announce".utf8)))
            await node.session.shutdown()
            var last = first
            while last[83] != 3 { last = try #require(await announces.next()) }
            try await tracker.close()
            await seed.session.shutdown()
        }
    }

    @Test func aSilentUDPTrackerDoesNotHoldUpTheEnd() async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedUDPTracker(.silent)
            let url = "udp://127.0.0.1:\(tracker.port)"
            let sample = try Sample(byteCount: 200_000, pieceLength: 1 << 14, trackers: [[url]])
            let node = try await Node(try TemporaryDirectory()) {
                $0.farewellTimeout = .milliseconds(1)
            }
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            torrent.noteRead(0..<10, of: 0, by: 1)
            var announces = tracker.announces.makeAsyncIterator()
            _ = await announces.next()
            // Otherwise it would last as long as an announce may: beyond the time limit.
            await node.session.shutdown()
            try await tracker.close()
        }
    }

    /// The first tracker never answers; the second is asked though the first has its time yet.
    @Test func aSilentTrackerDoesNotKeepAReaderWaiting() async throws {
        try await withTimeLimit {
            let seed = try await Node(try TemporaryDirectory())
            let silent = try await ScriptedUDPTracker(.silent)
            let tracker = try await ScriptedUDPTracker(.names(try seed.address))
            let urls = [silent, tracker].map { ["udp://127.0.0.1:\($0.port)"] }
            let sample = try Sample(byteCount: 200_000, pieceLength: 1 << 14, trackers: urls)
            let bare = try Sample(byteCount: 200_000, pieceLength: 1 << 14)
            _ = try await seed.session.addSeed(bare.metainfo, addedTime: 1, content: bare.bytes)
            let node = try await Node(try TemporaryDirectory())
            let torrent = try await node.session.add(sample.metainfo, addedTime: 1)
            // Otherwise it would wait for the first one, beyond the time limit.
            #expect(try await torrent.bytes(sample.range, of: sample) == sample.bytes(sample.range))
            await node.session.shutdown()
            await seed.session.shutdown()
            try await silent.close()
            try await tracker.close()
        }
    }

    @Test func isScraped() async throws {
        try await withTimeLimit {
            let peer = try #require(PeerAddress("127.0.0.1:1"))
            let tracker = try await ScriptedUDPTracker(.names(peer))
            let trackers = Trackers(
                group: Node.group,
                listenHost: "127.0.0.1",
                addresses: AddressFilter(allowsLoopback: true)
            )
            let size = try await trackers.scrape(
                "udp://127.0.0.1:\(tracker.port)",
                InfoHash(ofInfoDictionary: [1]),
                timeout: .seconds(600)
            )
            #expect(size == SwarmSize(seedCount: 3, leecherCount: 4, completedCount: 9))
            await trackers.shutdown()
            try await tracker.close()
        }
    }

    @Test func aRefusalIsTold() async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedUDPTracker(.refuses("go away"))
            let url = "udp://127.0.0.1:\(tracker.port)"
            await #expect(throws: AnnounceError.refused(reason: "go away", retry: nil)) {
                try await announce(to: url, allowsLoopback: true)
            }
            try await tracker.close()
        }
    }

    @Test(arguments: [
        "udp://127.0.0.1:1", "udp://localhost:80/a", "udp://[::1]:1/a", "udp://169.254.169.254:80",
        "udp://a.localhost:1",
    ])
    func doesNotAnnounceToThisMachineUnlessAllowed(url: String) async throws {
        await #expect(throws: RemoteFailure.self) {
            try await announce(to: url, allowsLoopback: false)
        }
    }

    @Test func looksAtWhatANameStandsFor() async throws {
        let addresses = try await HostResolver.addresses(
            of: "localhost",
            port: 7,
            on: Node.loop,
            within: .seconds(600)
        )
        #expect(!addresses.isEmpty)
        #expect(addresses.allSatisfy { $0.isLoopback && $0.port == 7 })
        await #expect(throws: RemoteFailure.self) {
            try await HostResolver.addresses(
                of: "no-such-name.invalid",
                port: 7,
                on: Node.loop,
                within: .seconds(5)
            )
        }
    }

    @Test func manyWhoAskForOneNameAreAllAnswered() async throws {
        let areRight = try await withThrowingTaskGroup(of: Bool.self) { group in
            for port in UInt16(1)...100 {
                group.addTask {
                    try await HostResolver.addresses(
                        of: "localhost",
                        port: port,
                        on: Node.loop,
                        within: .seconds(600)
                    ).allSatisfy { $0.isLoopback && $0.port == port }
                }
            }
            return try await group.allSatisfy { $0 }
        }
        #expect(areRight)
    }

    @Test func oneAddressStandsForBothFamiliesOrOne() {
        #expect(ListenHosts("::")[isIPv6: false] == "0.0.0.0")
        #expect(ListenHosts("::")[isIPv6: true] == "::")
        #expect(ListenHosts("0.0.0.0")[isIPv6: true] == nil)
        #expect(ListenHosts("::1")[isIPv6: false] == nil)
        #expect(ListenHosts("::%wg0")[isIPv6: false] == "0.0.0.0%wg0")
        #expect(ListenHosts("::%wg0")[isIPv6: true] == "::%wg0")
        #expect(ListenHosts("10.0.0.1%wg0")[isIPv6: true] == nil)
    }

    private func announce(to url: String, allowsLoopback: Bool) async throws -> AnnounceResponse {
        let trackers = Trackers(
            group: Node.group,
            listenHost: "127.0.0.1",
            addresses: AddressFilter(allowsLoopback: allowsLoopback)
        )
        var generator = SystemRandomNumberGenerator()
        let request = AnnounceRequest(
            infoHash: try #require(InfoHash(bytes: Array(1...20))),
            peerID: PeerID(using: &generator),
            port: 1,
            left: 1,
            key: 1
        )
        let answer: Result<AnnounceResponse, any Error>
        do {
            answer = .success(
                try await trackers.announce(to: url, request, timeout: .seconds(600))
            )
        } catch {
            answer = .failure(error)
        }
        await trackers.shutdown()
        return try answer.get()
    }
}
