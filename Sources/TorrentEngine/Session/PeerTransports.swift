import Logging
import NIOCore
import TorrentLogic

/// How peers are reached: the session's UDP port, which the DHT shares, and who dials by what.
struct PeerTransports: Sendable {
    let datagrams: DatagramPort
    /// `nil` unless peers are reached by uTP.
    let utp: UTPService?
    let dialler: PeerDialler

    /// - Parameters:
    ///   - proxy: what carries connections, and datagrams if its kind does; `nil` for none.
    ///   - loop: where datagrams come, and uTP connections live.
    init(
        _ configuration: SessionConfiguration,
        proxy: ProxyConnector?,
        loop: any EventLoop,
        logger: Logger
    ) {
        let route = configuration.routes.route(of: .microTransport)
        datagrams = DatagramPort(
            listenHost: configuration.listenHost,
            connector: route == .proxied ? proxy : nil,
            loop: loop,
            logger: logger
        )
        // With leaks allowed peers are still reached by the proxy alone.
        let usesUTP = configuration.usesUTP && (proxy == nil || route == .proxied)
        utp = usesUTP ? UTPService(datagrams: datagrams, logger: logger) : nil
        dialler = PeerDialler(configuration, proxy: proxy, utp: utp)
    }

    func shutdown() async {
        await utp?.shutdown()
        await datagrams.close()
    }
}
