import Logging
import NIOCore

/// How peers are reached: the session's UDP port, which the DHT shares, and who dials by what.
struct PeerTransports: Sendable {
    let datagrams: DatagramPort
    /// `nil` unless peers are reached by uTP.
    let utp: UTPService?
    let dialler: PeerDialler

    /// - Parameters:
    ///   - proxy: what carries connections; uTP would go past it, so there is none then.
    ///   - loop: where datagrams come, and uTP connections live.
    init(
        _ configuration: SessionConfiguration,
        proxy: ProxyConnector?,
        loop: any EventLoop,
        logger: Logger
    ) {
        datagrams = DatagramPort(
            listenHost: configuration.listenHost,
            loop: loop,
            logger: logger
        )
        let usesUTP = configuration.usesUTP && proxy == nil
        utp = usesUTP ? UTPService(datagrams: datagrams, logger: logger) : nil
        dialler = PeerDialler(configuration, proxy: proxy, utp: utp)
    }

    func shutdown() async {
        await utp?.shutdown()
        await datagrams.close()
    }
}
