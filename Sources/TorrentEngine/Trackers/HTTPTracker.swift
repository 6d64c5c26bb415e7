import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1

/// Carries announces over HTTP and HTTPS.
final class HTTPTracker: Sendable {
    private let client: GuardedHTTPClient

    /// - Parameter bridge: to the proxy; `nil` for none.
    init(
        group: any EventLoopGroup,
        place: BindPlace = BindPlace("::"),
        addresses: AddressFilter,
        bridge: ProxyBridge? = nil
    ) {
        client = GuardedHTTPClient(
            group: group,
            place: place,
            addresses: addresses,
            bridge: bridge,
            idleTimeout: .seconds(5)
        )
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
                    throw RemoteFailure.timedOut
                }
                defer { group.cancelAll() }
                guard let response = try await group.next() else { throw RemoteFailure.ended }
                return response
            }
        } catch {
            throw RemoteFailure(ofHTTP: error) ?? error
        }
    }

    private func ask(
        _ tracker: String,
        _ announce: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        let url = try HTTPTrackerCodec.url(announce: tracker, request: announce)
        let response = try await client.get(url, timeout: timeout)
        guard response.status == .ok else {
            throw RemoteFailure.status(response.status.code)
        }
        let body = try await response.body.collect(
            upTo: HTTPTrackerCodec.maximumResponseByteCount
        )
        return try HTTPTrackerCodec.response(parsing: Array(body.readableBytesView))
    }

    func shutdown() async { await client.shutdown() }
}
