import BitTorrentProtocol
import NIOCore
import TorrentLogic

/// Announces to a tracker, whatever its URL says that it speaks.
struct Trackers: Sendable {
    private let http: HTTPTracker
    private let udp: UDPTrackers
    private let usesUDP: Bool

    /// - Parameters:
    ///   - bridge: to the proxy, for HTTP; `nil` for none.
    ///   - connector: the same, for datagrams.
    init(
        group: any EventLoopGroup,
        listenHost: String,
        addresses: AddressFilter,
        bridge: ProxyBridge? = nil,
        connector: ProxyConnector? = nil,
        routes: TrafficRoutes = .direct
    ) {
        http = HTTPTracker(
            group: group,
            listenHost: listenHost,
            addresses: addresses,
            bridge: bridge
        )
        let route = routes.route(of: .udpTrackers)
        udp = UDPTrackers(
            loop: group.next(),
            listenHost: listenHost,
            addresses: addresses,
            connector: route == .proxied ? connector : nil
        )
        usesUDP = route != .off
    }

    /// - Parameter timeout: for all of it: names, redirects and repetitions included.
    func announce(
        to tracker: String,
        _ request: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        if let url = UDPTrackerURL(tracker) {
            guard usesUDP else { throw RemoteFailure.notThroughProxy }
            return try await udp.announce(to: url, request, timeout: timeout)
        }
        return try await http.announce(to: tracker, request, timeout: timeout)
    }

    /// Whether what the URL names can be scraped at all.
    static func canScrape(_ tracker: String) -> Bool {
        UDPTrackerURL(tracker) != nil
            || HTTPTrackerCodec.scrapeURL(
                announce: tracker,
                infoHash: InfoHash(ofInfoDictionary: [])
            ) != nil
    }

    /// Asks how large the swarm of a torrent is (BEP 15, BEP 48).
    ///
    /// - Parameter timeout: for all of it.
    /// - Returns: `nil` if the tracker does not know the torrent.
    func scrape(
        _ tracker: String,
        _ infoHash: InfoHash,
        timeout: Duration
    ) async throws -> SwarmSize? {
        if let url = UDPTrackerURL(tracker) {
            guard usesUDP else { throw RemoteFailure.notThroughProxy }
            return try await udp.scrape(url, infoHash, timeout: timeout)
        }
        return try await http.scrape(tracker, infoHash, timeout: timeout)
    }

    func shutdown() async {
        await udp.shutdown()
        await http.shutdown()
    }
}
