import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1
import Synchronization

/// Asks servers that strangers name: every host on the way, redirects included, is looked at first.
final class GuardedHTTPClient: Sendable {
    static let maximumRedirectCount = 5
    /// A host that was allowed is not looked up again for so long.
    private static let hostMemory = Duration.seconds(60)
    private static let maximumHostCount = 256

    private let client: EventLoopFuture<HTTPClient>
    /// Names are looked up behind the proxy, and nowhere else.
    private let isProxied: Bool
    private let loop: any EventLoop
    let addresses: AddressFilter
    /// Until when hosts count as allowed, and by which version of the user's list.
    private let allowedHosts = Mutex<[String: (until: ContinuousClock.Instant, version: Int)]>([:])

    /// - Parameters:
    ///   - place: connections are made from the address of its interface, if it names one.
    ///   - isIPv6: the only address family of connections; `nil` for either.
    ///   - bridge: to the proxy; `nil` for none.
    ///   - idleTimeout: how long a connection is kept for the next request.
    init(
        group: any EventLoopGroup,
        place: BindPlace,
        isIPv6: Bool? = nil,
        addresses: AddressFilter,
        bridge: ProxyBridge? = nil,
        idleTimeout: Duration,
        patience: HTTPPatience = HTTPPatience()
    ) {
        var configuration = HTTPClient.Configuration()
        // The bridge is on this machine, and keeps to the interface itself.
        configuration.localAddress =
            bridge == nil ? place.sourceAddress ?? isIPv6.map { $0 ? "::" : "0.0.0.0" } : nil
        // Followed here, so that every host on the way is looked at.
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(
            connect: TimeAmount(patience.connecting),
            read: TimeAmount(patience.reading)
        )
        configuration.httpVersion = .http1Only
        configuration.connectionPool.idleTimeout = TimeAmount(idleTimeout)
        // Who refuses now is asked again by whoever wants an answer.
        configuration.connectionPool.retryConnectionEstablishment = false
        loop = group.next()
        isProxied = bridge != nil
        if let bridge {
            let base = configuration
            client = bridge.address.map { host, port in
                var configuration = base
                configuration.proxy = .server(
                    host: host,
                    port: port,
                    authorization: .basic(username: bridge.user, password: bridge.password)
                )
                return HTTPClient(
                    eventLoopGroupProvider: .shared(group),
                    configuration: configuration
                )
            }
        } else {
            client = loop.makeSucceededFuture(
                HTTPClient(eventLoopGroupProvider: .shared(group), configuration: configuration)
            )
        }
        self.addresses = addresses
    }

    /// Sends a GET and follows its redirects.
    ///
    /// - Parameters:
    ///   - url: of HTTP or HTTPS.
    ///   - timeout: until the head of the last answer; the body is not bounded.
    /// - Returns: an answer that is no redirect.
    /// - Throws: `RemoteFailure`, or an error for which it has no word.
    func get(
        _ url: String,
        headers: [(name: String, value: String)] = [],
        timeout: Duration
    ) async throws -> HTTPClientResponse {
        var url = url
        let deadline = NIODeadline.now() + TimeAmount(timeout)
        do {
            let client = try await client.get()
            for _ in 0...Self.maximumRedirectCount {
                try await check(url, timeout: timeout)
                var request = HTTPClientRequest(url: url)
                request.headers.add(name: "User-Agent", value: "Sluice")
                for header in headers {
                    request.headers.add(name: header.name, value: header.value)
                }
                let response = try await Self.answer(to: request, from: client, by: deadline)
                guard [301, 302, 303, 307, 308].contains(response.status.code) else {
                    return response
                }
                let location = response.headers.first(name: "Location")
                url = try Self.url(redirected: location, from: url)
            }
        } catch {
            throw RemoteFailure(ofHTTP: error) ?? error
        }
        throw RemoteFailure.badRedirect
    }

    /// A server may end a connection that was kept while the next request is on its way, which says
    /// nothing of its health: the request goes out once more, on another one (RFC 9110 section 9.2.2).
    private static func answer(
        to request: HTTPClientRequest,
        from client: HTTPClient,
        by deadline: NIODeadline
    ) async throws -> HTTPClientResponse {
        do {
            return try await client.execute(request, deadline: deadline)
        } catch {
            guard RemoteFailure(ofHTTP: error) == .hungUp else { throw error }
            return try await client.execute(request, deadline: deadline)
        }
    }

    func shutdown() async { try? await client.get().shutdown() }

    /// Refuses a host that the filter forbids, by its name or by what its name stands for.
    ///
    /// The client looks the name up once more: a name server that answers differently the second
    /// time is not caught.
    private func check(_ url: String, timeout: Duration) async throws {
        let host = Self.host(of: url)
        guard addresses.allows(host: host) else { throw RemoteFailure.forbiddenHost(host) }
        guard !addresses.allowsEverything, !isProxied, host.first != "[" else { return }
        let (now, version) = (ContinuousClock.now, addresses.excluded.version)
        let isKnown = allowedHosts.withLock {
            $0[host].map { $0.until > now && $0.version == version } ?? false
        }
        if isKnown { return }
        _ = try await HostResolver.addresses(
            of: host,
            port: 1,
            allowedBy: addresses,
            on: loop,
            within: timeout
        )
        allowedHosts.withLock { hosts in
            if hosts.count >= Self.maximumHostCount { hosts.removeAll() }
            hosts[host] = (now + Self.hostMemory, version)
        }
    }

    private static func url(redirected location: String?, from url: String) throws -> String {
        guard let location, location.utf8.allSatisfy({ (0x21..<0x7f).contains($0) }) else {
            throw RemoteFailure.badRedirect
        }
        let start = location.lowercased()
        if start.hasPrefix("http://") || start.hasPrefix("https://") { return location }
        guard location.hasPrefix("/"), !location.hasPrefix("//"),
            let scheme = url.firstRange(of: "://")
        else { throw RemoteFailure.badRedirect }
        let end = url[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex
        return url[..<end] + location
    }

    /// - Parameter url: with a scheme and a host.
    static func host(of url: String) -> String {
        guard let scheme = url.firstRange(of: "://") else { return "" }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let place = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] }
        let host = place ?? authority
        if host.first == "[", let end = host.firstIndex(of: "]") { return String(host[...end]) }
        return String(host.prefix { $0 != ":" })
    }
}
