import Logging
import NIOCore

/// How peers are reached: the session's UDP port, which the DHT shares, and who dials by what.
struct PeerTransports: Sendable {
    let datagrams: DatagramPort
    /// `nil` unless peers are reached by uTP.
    let utp: UTPService?
    let dialler: PeerDialler

    /// - Parameter loop: where datagrams come, and uTP connections live.
    init(_ configuration: SessionConfiguration, loop: any EventLoop, logger: Logger) {
        datagrams = DatagramPort(
            listenHost: configuration.listenHost,
            loop: loop,
            logger: logger
        )
        utp = configuration.usesUTP ? UTPService(datagrams: datagrams, logger: logger) : nil
        dialler = PeerDialler(
            timeout: configuration.connectTimeout,
            interface: BindPlace(configuration.listenHost).interface,
            utp: utp
        )
    }

    func shutdown() async {
        await utp?.shutdown()
        await datagrams.close()
    }
}
