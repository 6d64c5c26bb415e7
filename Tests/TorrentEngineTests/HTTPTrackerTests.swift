import BitTorrentProtocol
import NIOCore
import Testing

@testable import TorrentEngine

@Suite struct HTTPTrackerTests {
    private func failure(
        of url: String,
        within timeout: Duration = .seconds(3600)
    ) async throws -> RemoteFailure? {
        let client = client()
        let request = try request()
        let error = await #expect(throws: RemoteFailure.self) {
            _ = try await client.announce(to: url, request, timeout: timeout)
        }
        await client.shutdown()
        return error
    }

    private func client() -> HTTPTracker {
        HTTPTracker(
            group: Node.group,
            addresses: AddressFilter(allowsLoopback: true),
            patience: .endless
        )
    }

    private func request() throws -> AnnounceRequest {
        AnnounceRequest(
            infoHash: InfoHash(ofInfoDictionary: [1]),
            peerID: try #require(PeerID(bytes: Array(repeating: 7, count: PeerID.byteCount))),
            port: 6881,
            uploaded: 0,
            downloaded: 0,
            left: 1,
            event: .started,
            wantedPeerCount: 50,
            key: 1,
            trackerID: nil
        )
    }

    @Test func asksOnceMoreWhereAKeptConnectionHasEnded() async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedTracker(hangsUp: .insteadOfSecondAnswer) { _ in
                "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nd5:peers0:e"
            }
            let client = client()
            let request = try request()
            for _ in 0..<3 {
                await #expect(throws: Never.self) {
                    let answer = try await client.announce(
                        to: tracker.url,
                        request,
                        timeout: .seconds(3600)
                    )
                    #expect(answer.peers.isEmpty)
                }
            }
            await client.shutdown()
            try await tracker.close()
        }
    }

    @Test func asksNoMoreThanTwiceWhereNothingIsAnswered() async throws {
        try await withTimeLimit {
            // What ends the connection is no answer either.
            let tracker = try await ScriptedTracker { _ in "" }
            #expect(try await failure(of: tracker.url) == .hungUp)
            try await tracker.close()
            var requests = tracker.requests.makeAsyncIterator()
            for _ in 0..<2 { #expect(await requests.next() != nil) }
            #expect(await requests.next() == nil)
        }
    }

    @Test func isLateWhoNeverEndsItsAnswer() async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedTracker(hangsUp: .never) { _ in
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:"
            }
            #expect(try await failure(of: tracker.url, within: .milliseconds(300)) == .timedOut)
            try await tracker.close()
        }
    }

    @Test func followsFiveRedirectsAndNoMore() async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedTracker { _ in
                Self.redirect(to: "/again")
            }
            #expect(try await failure(of: tracker.url) == .badRedirect)
            try await tracker.close()
            var requests = tracker.requests.makeAsyncIterator()
            for number in 0..<6 {
                #expect(await requests.next()?.contains("/again") == (number > 0))
            }
            for location in ["ftp://127.0.0.1/", "//127.0.0.1/", "http://a b/"] {
                let other = try await ScriptedTracker { _ in
                    Self.redirect(to: location)
                }
                #expect(try await failure(of: other.url) == .badRedirect)
                try await other.close()
            }
        }
    }

    private static func redirect(to location: String) -> String {
        "HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n"
            + "Connection: close\r\n\r\n"
    }

    @Test func saysWhatIsWrong() async throws {
        try await withTimeLimit {
            let long = try await ScriptedTracker { _ in
                ScriptedTracker.response(
                    Array(repeating: 0x78, count: HTTPTrackerCodec.maximumResponseByteCount + 1)
                )
            }
            #expect(try await failure(of: long.url) == .tooLong)
            try await long.close()
            #expect(try await failure(of: long.url) == .cannotConnect(reason: "it was refused"))
            let broken = try await ScriptedTracker { _ in
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:"
            }
            #expect(try await failure(of: broken.url) == .hungUp)
            try await broken.close()
            let other = try await ScriptedTracker { _ in "SSH-2.0-OpenSSH_9.9\r\n" }
            #expect(try await failure(of: other.url) == .notHTTP)
            try await other.close()
        }
    }
}
