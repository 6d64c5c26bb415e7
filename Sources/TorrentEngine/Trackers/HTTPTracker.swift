import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1

/// Carries announces over HTTP and HTTPS.
final class HTTPTracker: Sendable {
    private static let maximumRedirectCount = 5

    private let client: HTTPClient
    private let loop: any EventLoop
    private let addresses: AddressFilter

    init(group: any EventLoopGroup, addresses: AddressFilter) {
        var configuration = HTTPClient.Configuration()
        // Followed here, so that every host on the way is looked at.
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(20))
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = .seconds(5)
        // Who refuses now is asked again by the schedule, after its tiers.
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
        loop = group.next()
        self.addresses = addresses
    }

    /// - Parameter timeout: for all of it, redirects included.
    func announce(
        to tracker: String,
        _ announce: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        do {
            return try await withThrowingTaskGroup { group in
                group.addTask { try await self.ask(tracker, announce, timeout: timeout) }
                // The deadline of a request ends with the head of its response, and a body that
                // trickles is never late.
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw TrackerFailure.timedOut
                }
                defer { group.cancelAll() }
                guard let response = try await group.next() else { throw TrackerFailure.ended }
                return response
            }
        } catch {
            throw TrackerFailure(ofHTTP: error) ?? error
        }
    }

    private func ask(
        _ tracker: String,
        _ announce: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        var url = try HTTPTrackerCodec.url(announce: tracker, request: announce)
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        for _ in 0...Self.maximumRedirectCount {
            try await check(url, timeout: timeout)
            var request = HTTPClientRequest(url: url)
            request.headers.add(name: "User-Agent", value: "Sluice")
            let response = try await client.execute(request, deadline: deadline)
            if [301, 302, 303, 307, 308].contains(response.status.code) {
                let location = response.headers.first(name: "Location")
                url = try Self.url(redirected: location, from: url)
                continue
            }
            guard response.status == .ok else {
                throw TrackerFailure.status(response.status.code)
            }
            let body = try await response.body.collect(
                upTo: HTTPTrackerCodec.maximumResponseByteCount
            )
            return try HTTPTrackerCodec.response(parsing: Array(body.readableBytesView))
        }
        throw TrackerFailure.badRedirect
    }

    /// Refuses a host that the filter forbids, by its name or by what its name stands for.
    ///
    /// The client looks the name up once more: a name server that answers differently the second
    /// time is not caught.
    private func check(_ url: String, timeout: Duration) async throws {
        let host = Self.host(of: url)
        guard addresses.allows(host: host) else { throw TrackerFailure.forbiddenHost(host) }
        guard !addresses.allowsLoopback, host.first != "[" else { return }
        _ = try await HostResolver.addresses(
            of: host,
            port: 1,
            allowedBy: addresses,
            on: loop,
            within: timeout
        )
    }

    private static func url(redirected location: String?, from url: String) throws -> String {
        guard let location, location.utf8.allSatisfy({ (0x21..<0x7f).contains($0) }) else {
            throw TrackerFailure.badRedirect
        }
        let start = location.lowercased()
        if start.hasPrefix("http://") || start.hasPrefix("https://") { return location }
        guard location.hasPrefix("/"), !location.hasPrefix("//"),
            let scheme = url.firstRange(of: "://")
        else { throw TrackerFailure.badRedirect }
        let end = url[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex
        return url[..<end] + location
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
