import Glibc
import Logging
import NFSProtocol
import NIOCore
import NIOPosix
import ONCRPC
import Sockets
import Synchronization

/// A portmapper of our own at port 111, for machines that run no rpcbind: Kodi, Windows and a plain
/// `mount host:/path` ask there where NFS and MOUNT are.
final class Portmapper: Sendable {
    /// What came of a start.
    enum Start: Equatable, Sendable {
        case answers
        /// Somebody is there already, rpcbind as a rule.
        case taken
        /// Ports below 1024 are not for this user.
        case notPermitted
        case failed(String)
    }

    private struct Sockets {
        var listeners: [any Channel] = []
        var datagrams: [LocalDatagrams] = []
        var connectionCount = ConnectionCount(limit: 128, perHost: 64)
    }

    private static let idleTime = TimeAmount.seconds(30)

    private let port: Int
    private let group: any EventLoopGroup
    private let spare = SpareDescriptor()
    private let sockets = Mutex(Sockets())

    /// - Parameter port: 111, but in tests.
    init(port: Int, group: any EventLoopGroup) {
        self.port = port
        self.group = group
    }

    /// - Parameter served: what is told; the portmapper listens at the same addresses.
    func start(serving served: [ServedProgram]) async -> Start {
        let hosts = Set(served.map(\.host)).sorted()
        let own = hosts.flatMap { host in
            let isIPv6 = host.contains(":")
            return [RPCBind.Transport.tcp, .udp].flatMap { transport in
                ([4, 3, 2] as [UInt32]).map { version in
                    ServedProgram(
                        program: PortmapProgram.number,
                        version: version,
                        transport: isIPv6 ? transport.overIPv6 : transport,
                        host: host,
                        port: UInt16(port)
                    )
                }
            }
        }
        let program = PortmapProgram(served: own + served)
        do {
            for host in hosts { try await listen(at: host, program) }
            return .answers
        } catch let error as IOError {
            await stop()
            switch error.errnoCode {
            case EADDRINUSE: return .taken
            case EACCES, EPERM: return .notPermitted
            default: return .failed("\(error)")
            }
        } catch {
            await stop()
            return .failed("\(error)")
        }
    }

    /// Follows the addresses of this machine.
    func update() async {
        for datagrams in sockets.withLock({ $0.datagrams }) { try? await datagrams.update() }
    }

    func stop() async {
        let (listeners, datagrams) = sockets.withLock { sockets in
            defer {
                sockets.listeners = []
                sockets.datagrams = []
            }
            return (sockets.listeners, sockets.datagrams)
        }
        for listener in listeners { listener.close(promise: nil) }
        for listener in listeners { try? await listener.closeFuture.get() }
        for socket in datagrams { await socket.close() }
    }

    /// TCP first: of UDP sockets that share a port, none is told that the other is there.
    private func listen(at host: String, _ program: PortmapProgram) async throws {
        let address = try SocketAddress(ipAddress: host, port: port)
        let isIPv6 = address.protocol == .inet6
        var bootstrap = ServerBootstrap(group: group)
            .lending(spare) { _ in }
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                self.accept(channel, program, isIPv6 ? .tcp6 : .tcp)
            }
        if isIPv6 { bootstrap = bootstrap.serverChannelOption(NFSServer.onlyIPv6, value: 1) }
        let listener = try await bootstrap.bind(to: address).get()
        sockets.withLock { $0.listeners.append(listener) }

        let datagrams = LocalDatagrams(
            host: host,
            port: listener.localAddress?.port ?? port,
            hearsBroadcasts: true,
            group: group
        ) { local in
            let host = local.ipAddress ?? host
            return { call, arguments, _ in
                let arrival = PortmapProgram.Arrival(
                    transport: isIPv6 ? .udp6 : .udp,
                    host: host,
                    time: .now
                )
                return program.answer(call, arguments: arguments, arrival)
            }
        }
        try await datagrams.update()
        sockets.withLock { $0.datagrams.append(datagrams) }
    }

    private func accept(
        _ channel: any Channel,
        _ program: PortmapProgram,
        _ transport: RPCBind.Transport
    ) -> EventLoopFuture<Void> {
        if let refusal = spare.refuse(channel) { return refusal }
        guard let host = channel.localAddress?.ipAddress,
            let peer = channel.remoteAddress.flatMap(IPAddress.init),
            sockets.withLock({ $0.connectionCount.admit(peer) }) == nil
        else { return channel.close() }
        channel.closeFuture.whenComplete { _ in
            self.sockets.withLock { $0.connectionCount.leave(peer) }
        }
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(IdleStateHandler(allTimeout: Self.idleTime))
            try pipeline.addHandler(
                PortmapConnection(program: program, transport: transport, host: host)
            )
        }
    }
}

extension UInt32 {
    /// Seconds since 1970, as GETTIME has them.
    static var now: Self { Self(truncatingIfNeeded: time(nil)) }
}
