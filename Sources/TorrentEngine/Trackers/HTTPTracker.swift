import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1

/// Carries announces and scrapes over HTTP and HTTPS.
final class HTTPTracker: Sendable {
    private let client: GuardedHTTPClient

    /// - Parameter bridge: to the proxy; `nil` for none.
    init(
        group: any EventLoopGroup,
        place: BindPlace = BindPlace("::"),
        addresses: AddressFilter,
        bridge: ProxyBridge? = nil,
        patience: HTTPPatience = HTTPPatience()
    ) {
        client = GuardedHTTPClient(
            group: group,
            place: place,
            addresses: addresses,
            bridge: bridge,
            idleTimeout: .seconds(5),
            patience: patience
        )
    }

    /// - Parameter timeout: for all of it, redirects included.
    func announce(
        to tracker: String,
        _ announce: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        let url = try HTTPTrackerCodec.url(announce: tracker, request: announce)
        return try HTTPTrackerCodec.response(parsing: try await body(of: url, within: timeout))
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
            parsing: try await body(of: url, within: timeout)
        )
    }

    private func body(of url: String, within timeout: Duration) async throws -> [UInt8] {
        do {
            return try await withThrowingTaskGroup { group in
                group.addTask { try await self.get(url, timeout: timeout) }
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

    private func get(_ url: String, timeout: Duration) async throws -> [UInt8] {
        let response = try await client.get(url, timeout: timeout)
        guard response.status == .ok else {
            throw RemoteFailure.status(response.status.code)
        }
        let body = try await response.body.collect(
            upTo: HTTPTrackerCodec.maximumResponseByteCount
        )
        return Array(body.readableBytesView)
    }

    func shutdown() async { await client.shutdown() }
}
