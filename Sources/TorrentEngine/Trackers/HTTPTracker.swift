import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1

/// Carries announces over HTTP and HTTPS.
final class HTTPTracker: Sendable {
    /// What went wrong beyond the answer itself.
    enum Failure: Error, Equatable, CustomStringConvertible {
        case status(UInt)
        case forbiddenHost(String)

        var description: String {
            switch self {
            case .status(let code): "it answers with HTTP status \(code)"
            case .forbiddenHost(let host): "its host \(host) is not allowed by the configuration"
            }
        }
    }

    private static let maximumRedirectCount = 5

    private let client: HTTPClient
    private let addresses: AddressFilter

    init(group: any EventLoopGroup, addresses: AddressFilter) {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .follow(
            max: Self.maximumRedirectCount,
            allowCycles: false
        )
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(20))
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = .seconds(5)
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        self.addresses = addresses
    }

    /// - Parameter timeout: for all of it, redirects included.
    func announce(
        to tracker: String,
        _ announce: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        let url = try HTTPTrackerCodec.url(announce: tracker, request: announce)
        let host = Self.host(of: url)
        guard addresses.allows(host: host) else { throw Failure.forbiddenHost(host) }
        var request = HTTPClientRequest(url: url)
        request.headers.add(name: "User-Agent", value: "Sluice")
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        let response = try await client.execute(request, deadline: deadline)
        guard response.status == .ok else { throw Failure.status(response.status.code) }
        let body = try await response.body.collect(
            upTo: HTTPTrackerCodec.maximumResponseByteCount
        )
        return try HTTPTrackerCodec.response(parsing: Array(body.readableBytesView))
    }

    func shutdown() async { try? await client.shutdown() }

    /// - Parameter url: with a scheme and a host.
    private static func host(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return "" }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let place = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] }
        let host = place ?? authority
        if host.first == "[", let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return String(host.prefix { $0 != ":" })
    }
}
