import AsyncHTTPClient
import BitTorrentProtocol
import NIOCore
import NIOHTTP1

/// Fetches `.torrent` files that magnet links name (`xs`, `as`), by HTTP and HTTPS, from hosts that
/// trackers might have as well.
final class MetainfoClient: Sendable {
    private let client: GuardedHTTPClient

    /// - Parameter bridge: to the proxy; `nil` for none.
    init(
        group: any EventLoopGroup,
        place: BindPlace,
        addresses: AddressFilter,
        bridge: ProxyBridge?
    ) {
        client = GuardedHTTPClient(
            group: group,
            place: place,
            addresses: addresses,
            bridge: bridge,
            idleTimeout: .seconds(5)
        )
    }

    /// - Parameter timeout: for all of it.
    /// - Throws: `RemoteFailure`; `MetainfoError` if what comes is no torrent.
    func metainfo(from url: String, timeout: Duration) async throws -> Metainfo {
        try await withThrowingTaskGroup { group in
            group.addTask { try await self.get(url, timeout: timeout) }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw RemoteFailure.timedOut
            }
            defer { group.cancelAll() }
            guard let metainfo = try await group.next() else { throw RemoteFailure.ended }
            return metainfo
        }
    }

    private func get(_ url: String, timeout: Duration) async throws -> Metainfo {
        let response = try await client.get(url, timeout: timeout)
        guard response.status == .ok else { throw RemoteFailure.status(response.status.code) }
        let body = try await response.body.collect(upTo: MetainfoLimits().byteCount)
        return try Metainfo(parsing: Array(body.readableBytesView))
    }

    func shutdown() async { await client.shutdown() }
}
