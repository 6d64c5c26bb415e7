import BitTorrentProtocol
// For the codes of errors.
import Glibc
import Logging
import NIOCore
import NIOPosix
import Sockets

/// Awaits peers on the session's port.
final class PeerListener: Sendable {
    let channel: any Channel
    /// Adds the handlers to a connection that a peer asked for; throws if there are too many.
    let accept: @Sendable (any Channel) throws -> Void

    var port: UInt16 { UInt16(channel.localAddress?.port ?? 0) }

    /// - Parameter find: who has the torrent that a peer asks for; called on any event loop.
    init(
        group: any EventLoopGroup,
        resources: SessionResources,
        find: @escaping @Sendable (InfoHash) -> PeerOwnerSearch
    ) async throws(SessionError) {
        let configuration = resources.configuration
        let accept: @Sendable (any Channel) throws -> Void = { channel in
            let connection = PeerConnection(side: .incoming(find), resources: resources)
            try resources.connections.admit(channel, connection, filter: resources.filter)
            if configuration.encryption != .disable {
                try channel.pipeline.syncOperations.addHandler(
                    PeerCipher(dialling: nil, resources: resources)
                )
            }
            try channel.pipeline.syncOperations.addHandler(connection)
        }
        self.accept = accept
        let place = BindPlace(configuration.listenHost)
        let spare = SpareDescriptor()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                channel.use(interface: place.interface).flatMapThrowing {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptFailureHandler(spare: spare) {
                            resources.connections.failed(because: $0)
                        }
                    )
                }
            }
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                spare.refuse(channel)
                    ?? channel.eventLoop.makeCompletedFuture { try accept(channel) }
            }
            .peerChannelOptions()
        do {
            channel = try await Self.bind(
                bootstrap,
                host: place.host,
                port: Int(configuration.listenPort),
                count: configuration.listenPortCount
            )
        } catch {
            throw .cannotListen(
                host: configuration.listenHost,
                port: configuration.listenPort,
                reason: "\(error)"
            )
        }
        guard configuration.listenPort != 0, port != configuration.listenPort else { return }
        resources.logger.notice(
            "port \(configuration.listenPort) is taken by another program; peers are awaited on another",
            metadata: ["port": "\(port)"]
        )
    }

    /// Tries so many ports, one after the other, until one is free.
    private static func bind(
        _ bootstrap: ServerBootstrap,
        host: String,
        port: Int,
        count: Int
    ) async throws -> any Channel {
        for candidate in port..<min(port + count - 1, Int(UInt16.max)) {
            do {
                return try await bind(bootstrap, host: host, port: candidate)
            } catch let error as IOError where error.errnoCode == EADDRINUSE {}
        }
        return try await bind(bootstrap, host: host, port: min(port + count - 1, Int(UInt16.max)))
    }

    /// A socket on `::` takes peers of both families, IPv4 ones under their mapped addresses; without
    /// IPv6 it is one of IPv4 instead.
    private static func bind(
        _ bootstrap: ServerBootstrap,
        host: String,
        port: Int
    ) async throws -> any Channel {
        // As an address: a name look-up of "::" fails on a host that has no address of IPv6.
        do {
            let address = try SocketAddress(ipAddress: host, port: port)
            return try await bootstrap.bind(to: address).get()
        } catch let error as IOError where host == "::" && Self.meansNoIPv6(error) {
            let address = try SocketAddress(ipAddress: "0.0.0.0", port: port)
            return try await bootstrap.bind(to: address).get()
        }
    }

    private static func meansNoIPv6(_ error: IOError) -> Bool {
        error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL
    }

    func close() async { try? await channel.close() }
}

/// A read takes what a fast peer sent meanwhile, and a slow peer does not pin a large buffer.
private let receiveAllocator = AdaptiveRecvByteBufferAllocator(
    minimum: 4 << 10,
    initial: 64 << 10,
    maximum: 256 << 10
)

/// Beyond this much that a peer has not taken, nothing more is read from it.
///
/// More than the payload that is served to one peer at a time (`SwarmLimits`), so that only one that
/// asks and does not read comes so far, and two that serve each other never both stop.
private let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 4 << 20, high: 8 << 20)

extension ServerBootstrap {
    fileprivate func peerChannelOptions() -> ServerBootstrap {
        childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.recvAllocator, value: receiveAllocator)
            .childChannelOption(.writeBufferWaterMark, value: waterMark)
    }
}

extension ClientBootstrap {
    func peerChannelOptions() -> ClientBootstrap {
        channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.recvAllocator, value: receiveAllocator)
            .channelOption(.writeBufferWaterMark, value: waterMark)
    }
}
