import BitTorrentProtocol
import NIOCore
import Testing
import TorrentLogic

@testable import TorrentEngine

@Suite struct AddressFilterTests {
    private func filter(_ text: String) throws -> AddressFilter {
        let excluded = PeerFilter()
        excluded.replace(with: try IPFilter(parsing: Array(text.utf8), file: "list"))
        return AddressFilter(allowsLoopback: true, excluded: excluded)
    }

    @Test func theUsersListHoldsForWhateverIsSpokenWith() throws {
        let filter = try filter("192.0.2.0/24\n2001:db8::/32")
        let excluded = try #require(PeerAddress("192.0.2.7:80"))
        #expect(!filter.mayAsk(excluded) && filter.isFiltered(excluded))
        // As a peer it stays known, for when the list changes.
        #expect(filter.allows(excluded))
        #expect(filter.mayAsk(try #require(PeerAddress("192.0.3.7:80"))))
        #expect(!filter.allows(host: "192.0.2.7"))
        #expect(!filter.allows(host: "[2001:db8::1]"))
        #expect(filter.allows(host: "tracker.example"))
        #expect(!filter.allowsEverything)
        filter.excluded.replace(with: nil)
        #expect(filter.allows(host: "192.0.2.7"))
        #expect(filter.allowsEverything)
    }

    @Test(arguments: ["http://127.0.0.1:%/announce", "http://localhost:%/announce"])
    func aTrackerOrWebSeedInTheListIsNotAsked(url: String) async throws {
        try await withTimeLimit {
            let server = try await ScriptedTracker { _ in
                ScriptedTracker.response(Array("d5:peers0:e".utf8))
            }
            let port = server.url.split(separator: ":")[2].prefix { $0 != "/" }
            let url = url.replacing("%", with: port)
            let client = GuardedHTTPClient(
                group: Node.group,
                place: BindPlace("::"),
                addresses: try filter("10.0.0.0/8"),
                idleTimeout: .seconds(1),
                patience: .endless
            )
            await #expect(throws: Never.self) {
                _ = try await client.get(url, timeout: .seconds(3600))
            }
            // A host that was allowed by one list is looked at again by the next.
            client.addresses.excluded.replace(
                with: try IPFilter(parsing: Array("127.0.0.0/8\n::1/128".utf8), file: "list")
            )
            await #expect(throws: RemoteFailure.self) {
                _ = try await client.get(url, timeout: .seconds(3600))
            }
            await client.shutdown()
            try await server.close()
        }
    }

    @Test func aUDPTrackerInTheListIsNotAsked() async throws {
        let trackers = Trackers(
            group: Node.group,
            listenHost: "127.0.0.1",
            addresses: try filter("127.0.0.0/8\n::1/128")
        )
        let hash = InfoHash(ofInfoDictionary: [1])
        for url in ["udp://127.0.0.1:1", "udp://localhost:1"] {
            await #expect(throws: RemoteFailure.self) {
                try await trackers.scrape(url, hash, timeout: .seconds(3600))
            }
        }
        await trackers.shutdown()
    }
}
