import BitTorrentProtocol
import NIOCore
import Testing

@testable import TorrentEngine

@Suite struct HTTPTrackerTests {
    private func failure(
        of url: String,
        within timeout: Duration = .seconds(20)
    ) async throws -> RemoteFailure? {
        let client = HTTPTracker(
            group: Node.group,
            addresses: AddressFilter(allowsLoopback: true)
        )
        let request = AnnounceRequest(
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
        let error = await #expect(throws: RemoteFailure.self) {
            _ = try await client.announce(to: url, request, timeout: timeout)
        }
        await client.shutdown()
        return error
    }

    @Test func isLateWhoNeverEndsItsAnswer() async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedTracker(hangsUp: false) { _ in
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:"
            }
            #expect(try await failure(of: tracker.url, within: .milliseconds(300)) == .timedOut)
            try await tracker.close()
        }
    }

    @Test func followsFiveRedirectsAndNoMore() async throws {
        try await withTimeLimit {
            let tracker = try await ScriptedTracker { _ in
                "HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n"
            }
            #expect(try await failure(of: tracker.url) == .badRedirect)
            try await tracker.close()
            var requests = tracker.requests.makeAsyncIterator()
            for number in 0..<6 {
                #expect(await requests.next()?.contains("/again") == (number > 0))
            }
            for location in ["ftp://127.0.0.1/", "//127.0.0.1/", "http://a b/"] {
                let other = try await ScriptedTracker { _ in
                    "HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n"
                }
                #expect(try await failure(of: other.url) == .badRedirect)
                try await other.close()
            }
        }
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
