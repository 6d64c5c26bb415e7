import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1

/// Asks web seeds for parts of torrents (BEP 17, BEP 19).
final class WebSeedClient: Sendable {
    /// The beginning of an answer: what follows is the body.
    struct Answer {
        let body: HTTPClientResponse.Body
        /// Bytes of it that come before those that were asked for.
        let skippedByteCount: Int
    }

    /// A server that cannot give a part gives the whole file.
    ///
    /// Reading up to where the part begins is accepted for so many bytes.
    private static let maximumSkippedByteCount: UInt64 = 256 << 10
    /// Bytes of the text in which BEP 17 says when to come again.
    private static let maximumRetryTextByteCount = 64
    /// A reader who pauses comes back soon; a connection costs a handshake.
    private static let idleTimeout = Duration.seconds(30)

    private let client: GuardedHTTPClient
    /// Until the head of an answer.
    private let timeout: Duration

    /// - Parameter bridge: to the proxy; `nil` for none.
    init(
        group: any EventLoopGroup,
        place: BindPlace = BindPlace("::"),
        addresses: AddressFilter,
        bridge: ProxyBridge? = nil,
        patience: HTTPPatience = HTTPPatience()
    ) {
        timeout = patience.webSeed
        client = GuardedHTTPClient(
            group: group,
            place: place,
            addresses: addresses,
            bridge: bridge,
            idleTimeout: Self.idleTimeout,
            patience: patience
        )
    }

    /// Asks, and returns once the answer begins.
    ///
    /// - Throws: `Refusal` if the server gives something else; `RemoteFailure` and others if there
    ///   is no answer.
    func ask(_ request: WebSeedRequest) async throws -> Answer {
        var headers = [(name: "Accept-Encoding", value: "identity")]
        if let range = request.range {
            let value = "bytes=\(range.lowerBound)-\(range.upperBound - 1)"
            headers.append((name: "Range", value: value))
        }
        let response = try await client.get(
            request.url,
            headers: headers,
            timeout: timeout
        )
        switch response.status.code {
        case 200: return try whole(response, for: request)
        case 206: return try part(response, for: request)
        case 429, 503: throw Refusal.busy(retryAfter: await retryDelay(response))
        case 401, 403, 404, 405, 410, 416: throw Refusal.missing(response.status.code)
        default: throw RemoteFailure.status(response.status.code)
        }
    }

    func shutdown() async { await client.shutdown() }

    private func part(
        _ response: HTTPClientResponse,
        for request: WebSeedRequest
    ) throws(Refusal) -> Answer {
        try checkEncoding(response)
        guard let wanted = request.range else {
            return Answer(body: response.body, skippedByteCount: 0)
        }
        let header = response.headers.first(name: "Content-Range")
        guard let given = header.flatMap({ ContentRange($0) }), given.range == wanted else {
            throw .wrongRange(header.map { String($0.prefix(80)) })
        }
        if let length = given.resourceLength, length != request.resourceLength {
            throw .wrongLength(length)
        }
        return Answer(body: response.body, skippedByteCount: 0)
    }

    private func whole(
        _ response: HTTPClientResponse,
        for request: WebSeedRequest
    ) throws(Refusal) -> Answer {
        try checkEncoding(response)
        let length = response.headers.first(name: "Content-Length").flatMap { UInt64($0) }
        guard let wanted = request.range else {
            if let length, length != UInt64(request.content.count) { throw .wrongLength(length) }
            return Answer(body: response.body, skippedByteCount: 0)
        }
        if let length, length != request.resourceLength { throw .wrongLength(length) }
        guard wanted.lowerBound <= Self.maximumSkippedByteCount else { throw .noRanges }
        return Answer(body: response.body, skippedByteCount: Int(wanted.lowerBound))
    }

    private func checkEncoding(_ response: HTTPClientResponse) throws(Refusal) {
        let encoding = response.headers.first(name: "Content-Encoding")?.lowercased()
        guard encoding == nil || encoding == "identity" else { throw .encoded }
    }

    private func retryDelay(_ response: HTTPClientResponse) async -> Duration? {
        if let header = response.headers.first(name: "Retry-After") {
            return RetryDelay(header)?.duration
        }
        let body = try? await response.body.collect(upTo: Self.maximumRetryTextByteCount)
        return body.flatMap { RetryDelay(String(buffer: $0))?.duration }
    }
}

extension WebSeedClient {
    /// Why an answer is of no use; the words of a log line.
    enum Refusal: Error, Equatable, CustomStringConvertible {
        case busy(retryAfter: Duration?)
        case missing(UInt)
        /// What it says that it gives.
        case wrongRange(String?)
        case wrongLength(UInt64)
        case noRanges
        case encoded
        /// The file's name cannot stand in a URL.
        case unnamable

        var description: String {
            switch self {
            case .busy: "it is busy"
            case .missing(let code): "it does not give the file: HTTP status \(code)"
            case .wrongRange(let range):
                "it answers with other bytes than were asked for: \(range ?? "it does not say which")"
            case .wrongLength(let length): "its file is another one, of \(length) bytes"
            case .noRanges: "it gives whole files only"
            case .encoded: "it sends the file encoded"
            case .unnamable: "the file has a name that no URL can have"
            }
        }
    }
}
