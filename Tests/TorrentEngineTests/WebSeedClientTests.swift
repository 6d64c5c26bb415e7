import BitTorrentProtocol
import NIOCore
import Testing

@testable import TorrentEngine

@Suite struct WebSeedClientTests {
    typealias Refusal = WebSeedClient.Refusal

    /// Asks for bytes 100 to 299 of a file of 1000 bytes.
    private func ask(
        _ url: String,
        range: Range<UInt64>? = 100..<300,
        allowsLoopback: Bool = true,
        _ check: (WebSeedClient.Answer) async throws -> Void = { _ in }
    ) async throws {
        let client = WebSeedClient(
            group: Node.group,
            addresses: AddressFilter(allowsLoopback: allowsLoopback),
            patience: .endless
        )
        let request = WebSeedRequest(
            url: url,
            range: range,
            resourceLength: range == nil ? nil : 1000,
            content: 100..<300,
            resource: 0..<1000
        )
        do {
            try await check(try await client.ask(request))
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }

    private func error(
        _ response: String,
        range: Range<UInt64>? = 100..<300
    ) async throws
        -> (any Error)?
    {
        try await withTimeLimit {
            let server = try await ScriptedTracker { _ in response }
            let error = await #expect(throws: (any Error).self) {
                try await ask(server.url, range: range)
            }
            try await server.close()
            return error
        }
    }

    private static func head(_ status: String, _ headers: String...) -> String {
        (["HTTP/1.1 \(status)"] + headers).joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test(arguments: [
        (head("404 Not Found", "Content-Length: 0"), Refusal.missing(404)),
        (head("416 No", "Content-Length: 0"), .missing(416)),
        (head("206 Partial", "Content-Length: 200"), .wrongRange(nil)),
        (
            head("206 Partial", "Content-Length: 200", "Content-Range: bytes 101-300/1000"),
            .wrongRange("bytes 101-300/1000")
        ),
        (
            head("206 Partial", "Content-Length: 200", "Content-Range: bytes 100-299/999"),
            .wrongLength(999)
        ),
        (head("200 OK", "Content-Length: 999"), .wrongLength(999)),
        (
            head(
                "206 Partial",
                "Content-Length: 200",
                "Content-Encoding: gzip",
                "Content-Range: bytes 100-299/1000"
            ), .encoded
        ),
        (
            head("503 Busy", "Retry-After: 7", "Content-Length: 0"),
            .busy(retryAfter: .seconds(7))
        ),
        (head("503 Busy", "Content-Length: 2") + "30", .busy(retryAfter: .seconds(30))),
        (head("503 Busy", "Content-Length: 4") + "soon", .busy(retryAfter: nil)),
    ])
    func refusesWhatIsNotTheRange(response: String, refusal: Refusal) async throws {
        #expect(try await error(response) as? Refusal == refusal)
    }

    @Test func wholeFilesAreReadOnlyWhileLittleIsSkipped() async throws {
        try await withTimeLimit {
            let head = Self.head("200 OK", "Content-Length: 1000")
            let server = try await ScriptedTracker { _ in head }
            try await ask(server.url) { #expect($0.skippedByteCount == 100) }
            try await server.close()
            let long = Self.head("200 OK", "Connection: close")
            let other = try await ScriptedTracker { _ in long }
            await #expect(throws: Refusal.noRanges) {
                try await ask(other.url, range: 1_000_000..<1_000_200)
            }
            try await other.close()
        }
    }

    @Test func aProgramsAnswerHasTheLengthOfTheRange() async throws {
        let head = Self.head("200 OK", "Content-Length: 201")
        #expect(try await error(head, range: nil) as? Refusal == .wrongLength(201))
    }

    @Test func asksForTheRangeAndForNoCompression() async throws {
        try await withTimeLimit {
            let server = try await ScriptedTracker { line in
                #expect(line == "GET /announce HTTP/1.1")
                return Self.head(
                    "206 Partial",
                    "Content-Length: 200",
                    "Content-Range: bytes 100-299/1000"
                ) + String(repeating: "x", count: 200)
            }
            try await ask(server.url) { answer in
                let body = try await answer.body.collect(upTo: 1000)
                #expect(body.readableBytes == 200)
            }
            try await server.close()
        }
    }

    @Test func followsFiveRedirectsAndNoMore() async throws {
        let head = Self.head(
            "302 Found",
            "Location: /announce",
            "Content-Length: 0",
            "Connection: close"
        )
        #expect(try await error(head) as? RemoteFailure == .badRedirect)
    }

    @Test(arguments: ["127.0.0.1", "localhost", "[::1]", "169.254.1.1", "0.0.0.0"])
    func asksNoForbiddenHost(host: String) async throws {
        await #expect(throws: RemoteFailure.forbiddenHost(host)) {
            try await ask("http://\(host):9/", allowsLoopback: false)
        }
    }

    @Test func blocksAreCutWhereverTheBytesAre() {
        let geometry = PieceGeometry(pieceLength: 49_152, totalLength: 100_000)
        let blocks =
            (0..<3).map { geometry.block($0, of: PieceIndex(1)) }
            + [geometry.block(0, of: PieceIndex(2))]
        let content = ByteBuffer(bytes: (0..<50_848).map { UInt8(truncatingIfNeeded: $0 * 7) })
        for step in [1, 1000, 16_383, 16_384, 16_385, 50_848] {
            var cutter = BlockCutter(blocks)
            var joined = ByteBuffer()
            var seen: [Block] = []
            var rest = content
            while var part = rest.readSlice(length: min(step, rest.readableBytes)),
                part.readableBytes > 0
            {
                cutter.append(part) { block, payload in
                    #expect(payload.readableBytes == Int(block.length))
                    seen.append(block)
                    joined.writeImmutableBuffer(payload)
                }
                part.clear()
            }
            #expect(seen == blocks)
            #expect(joined == content)
        }
    }
}
