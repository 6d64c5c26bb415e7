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
    /// `nil` unless peers are reached by uTP as well.
    let utp: UTPService?
    private let memory = Mutex(TransportMemory())

    init(timeout: Duration, utp: UTPService?) {
        self.timeout = timeout
        self.utp = utp
    }

    /// - Parameter loop: where a TCP connection lives; others may live elsewhere.
    /// - Returns: a connection that stands, from which nothing was read and which has no handlers
    ///   yet; completes on its event loop, after its `channelActive`.
    func connect(to address: PeerAddress, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        guard let utp else { return connectTCP(to: address, on: loop) }
        return DialRace(
            order: memory.withLock { $0.order(for: address) },
            loop: loop,
            connect: { transport in
                switch transport {
                case .tcp: self.connectTCP(to: address, on: loop)
                case .utp: utp.connect(to: address)
                }
            },
            worked: { transport in
                self.memory.withLock { $0.worked(transport, for: address) }
            }
        ).run()
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
        return ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(timeout))
            .peerChannelOptions()
            .connect(to: remote)
            // The future is complete before the channel is active. What is read comes a turn later.
            .flatMap { channel in channel.eventLoop.submit { channel } }
    }
}
