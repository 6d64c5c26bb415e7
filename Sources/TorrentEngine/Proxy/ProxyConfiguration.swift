package import BitTorrentProtocol
import Logging
import TorrentLogic

/// The proxy through which others are reached.
package struct ProxyConfiguration: Equatable, Sendable {
    package var language: ProxyProtocol
    /// A name, which is looked up by this machine, or an address.
    package var host: String
    package var port: UInt16
    package var credentials: ProxyCredentials?
    /// Whether what the proxy cannot carry goes around it.
    package var allowsLeaks = false

    package init(
        language: ProxyProtocol,
        host: String,
        port: UInt16,
        credentials: ProxyCredentials? = nil
    ) {
        self.language = language
        self.host = host
        self.port = port
        self.credentials = credentials
    }
}

extension SessionConfiguration {
    /// What the proxy means for each kind of traffic.
    var routes: TrafficRoutes {
        TrafficRoutes(through: proxy?.language, allowsLeaks: proxy?.allowsLeaks ?? false)
    }

    /// What the proxy means for the user, in one line.
    func sayRoutes(to logger: Logger) {
        guard let proxy else { return }
        let off = TrafficRoutes.Traffic.allCases.filter { routes.route(of: $0) == .off }
        let others =
            off.isEmpty
            ? "everything else goes around it"
            : "it does not carry \(off.map { "\($0)" }.joined(separator: ", ")), which are off"
        let datagrams =
            routes.route(of: .dht) == .proxied
            ? ", and so are UDP trackers, the DHT and uTP if it relays datagrams" : ""
        logger.notice(
            "peers, HTTP trackers and web seeds are reached through the proxy\(datagrams); \(others)",
            metadata: ["proxy": "\(proxy.language.rawValue)://\(proxy.host):\(proxy.port)"]
        )
    }
}
