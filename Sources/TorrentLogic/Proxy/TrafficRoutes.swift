package import BitTorrentProtocol

/// Which traffic goes through a proxy, which around it, and which not at all.
///
/// A proxy carries connections that we make, and a SOCKS5 proxy datagrams, if it permits. Whatever else tells others where we are is off, unless
/// the user allows leaks: then it goes as without a proxy.
package struct TrafficRoutes: Equatable, Sendable {
    package enum Traffic: CaseIterable, Sendable {
        /// Connections that we make to peers.
        case peers
        /// Trackers and web seeds of HTTP and HTTPS.
        case web
        /// Questions to name servers about hosts that torrents, peers or trackers name.
        case nameLookups
        case udpTrackers
        case dht
        case microTransport
        case localDiscovery
        /// Connections that peers make to us.
        case incomingPeers
        case portMapping
    }

    package enum Route: Equatable, Sendable {
        case direct
        case proxied
        case off
    }

    /// There is no proxy.
    package static let direct = TrafficRoutes(through: nil, allowsLeaks: false)

    /// `nil` for no proxy.
    private let proxy: ProxyProtocol?
    private let allowsLeaks: Bool

    package init(through proxy: ProxyProtocol?, allowsLeaks: Bool) {
        self.proxy = proxy
        self.allowsLeaks = allowsLeaks
    }

    package func route(of traffic: Traffic) -> Route {
        guard proxy != nil else { return .direct }
        switch traffic {
        // Names go along: the proxy looks them up.
        case .peers, .web: return .proxied
        case .udpTrackers, .dht, .microTransport:
            return allowsLeaks ? .direct : proxy == .socks5 ? .proxied : .off
        case .nameLookups, .localDiscovery, .incomingPeers, .portMapping:
            return allowsLeaks ? .direct : .off
        }
    }

    /// Whether a peer is connected to without the proxy: what is on this machine is no secret to it.
    package func goesAround(_ address: PeerAddress) -> Bool {
        route(of: .peers) == .direct || address.isLoopback
    }
}

extension TrafficRoutes.Traffic: CustomStringConvertible {
    /// The words of a log line.
    package var description: String {
        switch self {
        case .peers: "connections to peers"
        case .web: "HTTP trackers and web seeds"
        case .nameLookups: "name lookups"
        case .udpTrackers: "UDP trackers"
        case .dht: "the DHT"
        case .microTransport: "uTP"
        case .localDiscovery: "local discovery"
        case .incomingPeers: "connections from peers"
        case .portMapping: "port mapping"
        }
    }
}
