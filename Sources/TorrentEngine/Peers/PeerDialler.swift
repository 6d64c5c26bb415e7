import BitTorrentProtocol
import NIOCore
import NIOPosix
import TorrentLogic

/// Connects to peers: by which transport, and for how long it is tried.
///
/// What is said on a connection, encrypted or not, is none of its business.
struct PeerDialler: Sendable {
    /// Time for a connection to stand.
    let timeout: Duration
    /// The only one that connections may use; `nil` for all.
    let interface: String?
    /// `nil` for no proxy.
    var proxy: ProxyConnector?
    var routes = TrafficRoutes.direct

    /// - Parameter loop: where a TCP connection lives; others may live elsewhere.
    /// - Returns: a connection that stands, from which nothing was read and which has no handlers
    ///   yet; completes on its event loop, after its `channelActive`.
    func connect(to address: PeerAddress, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        if let proxy, !routes.goesAround(address) {
            return proxy.connect(to: ProxyDestination(address), on: loop)
        }
        return connectTCP(to: address, on: loop)
    }

    private func connectTCP(
        to address: PeerAddress,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let remote: SocketAddress
        do {
            remote = try address.socketAddress
        } catch {
            return loop.makeFailedFuture(error)
        }
        let interface = interface
        return ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(timeout))
            .peerChannelOptions()
            .channelInitializer { $0.use(interface: interface) }
            .connect(to: remote)
            // The future is complete before the channel is active. What is read comes a turn later.
            .flatMap { channel in channel.eventLoop.submit { channel } }
    }
}

extension PeerDialler {
    /// - Parameter proxy: that of the configuration.
    init(_ configuration: SessionConfiguration, proxy: ProxyConnector?) {
        self.init(
            timeout: configuration.connectTimeout,
            interface: BindPlace(configuration.listenHost).interface,
            proxy: proxy,
            routes: configuration.routes
        )
    }
}
