import BitTorrentProtocol
import NIOCore

/// Announces to a tracker, whatever its URL says that it speaks.
struct Trackers: Sendable {
    private let http: HTTPTracker
    private let udp: UDPTrackers

    init(group: any EventLoopGroup, listenHost: String, addresses: AddressFilter) {
        http = HTTPTracker(group: group, place: BindPlace(listenHost), addresses: addresses)
        udp = UDPTrackers(loop: group.next(), listenHost: listenHost, addresses: addresses)
    }

    /// - Parameter timeout: for all of it: names, redirects and repetitions included.
    func announce(
        to tracker: String,
        _ request: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        if let url = UDPTrackerURL(tracker) {
            return try await udp.announce(to: url, request, timeout: timeout)
        }
        return try await http.announce(to: tracker, request, timeout: timeout)
    }

    func shutdown() async {
        await udp.shutdown()
        await http.shutdown()
    }
}
