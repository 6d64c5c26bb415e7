import BitTorrentProtocol
import NIOCore
import NIOPosix
import Synchronization
import TorrentLogic

/// Connects to peers: by which transport, and for how long it is tried.
///
/// What is said on a connection, encrypted or not, is none of its business.
final class PeerDialler: Sendable {
    /// Time for a connection to stand.
    let timeout: Duration
    /// The only one that connections may use; `nil` for all.
    let interface: String?
    /// `nil` for no proxy.
    let proxy: ProxyConnector?
    let routes: TrafficRoutes
    /// `nil` unless peers are reached by uTP as well.
    let utp: UTPService?
    private let memory = Mutex(TransportMemory())

    /// - Parameter proxy: that of the configuration.
    init(_ configuration: SessionConfiguration, proxy: ProxyConnector?, utp: UTPService?) {
        timeout = configuration.connectTimeout
        interface = BindPlace(configuration.listenHost).interface
        routes = configuration.routes
        self.proxy = proxy
        self.utp = utp
    }

    /// - Parameters:
    ///   - transport: the only one to be tried; `nil` for all.
    ///   - loop: where a TCP connection lives; others may live elsewhere.
    /// - Returns: a connection that stands, from which nothing was read and which has no handlers
    ///   yet; completes on `loop`. In the next turn of its own event loop it is active.
    func connect(
        to address: PeerAddress,
        by transport: Transport? = nil,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        let proxy = routes.goesAround(address) ? nil : proxy
        // Datagrams cannot go around it.
        guard let utp, proxy != nil || self.proxy == nil else {
            return connectTCP(to: address, through: proxy, on: loop)
        }
        let order = transport.map { [$0] } ?? memory.withLock { $0.order(for: address) }
        return DialRace(order: order, loop: loop) { transport in
            switch transport {
            case .tcp: self.connectTCP(to: address, through: proxy, on: loop)
            case .utp: utp.connect(to: address)
            }
        }.run()
    }

    /// The peer has answered on a connection that we dialled.
    func worked(_ channel: any Channel, for address: PeerAddress) {
        memory.withLock { $0.worked(Transport(of: channel), for: address) }
    }

    /// The peer hung up on a connection that we dialled before it said anything, encrypted or not.
    ///
    /// - Returns: whether to dial it again at once, by another transport.
    func retries(_ address: PeerAddress, after channel: any Channel) -> Bool {
        guard utp != nil else { return false }
        return memory.withLock { $0.wasUnanswered(Transport(of: channel), by: address) }
    }

    private func connectTCP(
        to address: PeerAddress,
        through proxy: ProxyConnector?,
        on loop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        if let proxy { return proxy.connect(to: ProxyDestination(address), on: loop) }
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
            .channelInitializer { [interface] in $0.use(interface: interface) }
            .connect(to: remote)
    }
}

extension Transport {
    init(of channel: any Channel) { self = channel is UTPChannel ? .utp : .tcp }
}
