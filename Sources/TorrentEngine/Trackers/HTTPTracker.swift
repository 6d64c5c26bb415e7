import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1

/// Carries announces and scrapes over HTTP and HTTPS.
///
/// A tracker sees the address from which we ask: one that has addresses of both families is told of us
/// in each in which peers can reach us.
final class HTTPTracker: Sendable {
    /// How long an answer in hand waits for that of the other family.
    private static let grace = Duration.seconds(1)

    private let client: GuardedHTTPClient
    /// By whether they are of IPv6; none where the way is given: behind a proxy, or by an interface.
    private let clientsOfFamilies: [Bool: GuardedHTTPClient]
    private let loop: any EventLoop

    /// - Parameters:
    ///   - listenHost: where peers are awaited.
    ///   - bridge: to the proxy; `nil` for none.
    init(
        group: any EventLoopGroup,
        listenHost: String = "::",
        addresses: AddressFilter,
        bridge: ProxyBridge? = nil,
        patience: HTTPPatience = HTTPPatience()
    ) {
        let place = BindPlace(listenHost)
        func client(isIPv6: Bool?) -> GuardedHTTPClient {
            GuardedHTTPClient(
                group: group,
                place: place,
                isIPv6: isIPv6,
                addresses: addresses,
                bridge: bridge,
                idleTimeout: .seconds(5),
                patience: patience
            )
        }
        self.client = client(isIPv6: nil)
        let families =
            bridge == nil && place.interface == nil
            ? [false, true].filter { ListenHosts(listenHost)[isIPv6: $0] != nil } : []
        clientsOfFamilies = Dictionary(
            uniqueKeysWithValues: families.map { ($0, client(isIPv6: $0)) }
        )
        loop = group.next()
    }

    /// - Parameter timeout: for all of it, redirects included.
    func announce(
        to tracker: String,
        _ announce: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        let url = try HTTPTrackerCodec.url(announce: tracker, request: announce)
        let clients = try await clients(for: url, within: timeout)
        let answers = await withTaskGroup(of: Event.self) { group in
            for (number, client) in clients.enumerated() {
                group.addTask {
                    .answered(await self.answer(to: url, by: client, within: timeout), number)
                }
            }
            var answers = FamilyAnswers(awaiting: clients.count)
            while answers.awaitedCount > 0, let event = await group.next() {
                switch event {
                case .graceIsOver: answers.giveUp()
                case .answered(let answer, let number):
                    guard answers.take(answer, of: number), answers.awaitedCount > 0 else { break }
                    group.addTask {
                        try? await Task.sleep(for: Self.grace)
                        return .graceIsOver
                    }
                }
            }
            group.cancelAll()
            return answers
        }
        return try answers.response.get()
    }

    private enum Event {
        case answered(Result<AnnounceResponse, any Error>, Int)
        case graceIsOver
    }

    private func answer(
        to url: String,
        by client: GuardedHTTPClient,
        within timeout: Duration
    ) async -> Result<AnnounceResponse, any Error> {
        do {
            let body = try await body(of: url, by: client, within: timeout)
            return .success(try HTTPTrackerCodec.response(parsing: body))
        } catch {
            return .failure(error)
        }
    }

    /// Whoever asks in a family that the tracker has and peers can reach us in.
    private func clients(
        for url: String,
        within timeout: Duration
    ) async throws -> [GuardedHTTPClient] {
        let host = GuardedHTTPClient.host(of: url)
        guard !clientsOfFamilies.isEmpty, host.first != "[",
            PeerAddress(numericHost: host, port: 1) == nil
        else { return [client] }
        let addresses = try await HostResolver.addresses(
            of: host,
            port: 1,
            on: loop,
            within: timeout
        )
        let clients = [false, true].compactMap { isIPv6 in
            addresses.contains { $0.isIPv6 == isIPv6 } ? clientsOfFamilies[isIPv6] : nil
        }
        return clients.isEmpty ? [client] : clients
    }

    /// - Returns: `nil` if the tracker does not know the torrent.
    func scrape(
        _ tracker: String,
        _ infoHash: InfoHash,
        timeout: Duration
    ) async throws -> SwarmSize? {
        guard let url = HTTPTrackerCodec.scrapeURL(announce: tracker, infoHash: infoHash) else {
            throw AnnounceError.invalidURL
        }
        return try HTTPTrackerCodec.swarmSize(
            of: infoHash,
            parsing: try await body(of: url, by: client, within: timeout)
        )
    }

    private func body(
        of url: String,
        by client: GuardedHTTPClient,
        within timeout: Duration
    ) async throws -> [UInt8] {
        do {
            return try await withThrowingTaskGroup { group in
                group.addTask { try await Self.get(url, by: client, timeout: timeout) }
                // The deadline of a request ends with the head of its response, and a body that
                // trickles is never late.
                group.addTask {
                    try await Task.sleep(for: timeout)
                    throw RemoteFailure.timedOut
                }
                defer { group.cancelAll() }
                guard let body = try await group.next() else { throw RemoteFailure.ended }
                return body
            }
        } catch {
            throw RemoteFailure(ofHTTP: error) ?? error
        }
    }

    private static func get(
        _ url: String,
        by client: GuardedHTTPClient,
        timeout: Duration
    ) async throws -> [UInt8] {
        let response = try await client.get(url, timeout: timeout)
        guard response.status == .ok else {
            throw RemoteFailure.status(response.status.code)
        }
        let body = try await response.body.collect(
            upTo: HTTPTrackerCodec.maximumResponseByteCount
        )
        return Array(body.readableBytesView)
    }

    func shutdown() async {
        for client in [client] + clientsOfFamilies.values { await client.shutdown() }
    }
}
