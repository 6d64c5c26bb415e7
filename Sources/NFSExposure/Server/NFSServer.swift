import Glibc
package import Logging
import NFSProtocol
package import NIOCore
import NIOPosix
import ONCRPC
import Sockets
import Synchronization
package import VirtualTree

/// The NFS server: NFS 3, MOUNT and locks on one TCP port, the latter two on the UDP port of the same
/// number, and a portmapper where there is none.
package final class NFSServer: Sendable {
    private struct Sockets {
        var listeners: [any Channel] = []
        var connections: [ObjectIdentifier: any Channel] = [:]
        var connectionCount: ConnectionCount
        var datagrams: [LocalDatagrams] = []
        var isStopping = false
    }

    private let configuration: NFSServerConfiguration
    private let group: any EventLoopGroup
    let service: NFSService
    private let portmapper: Portmapper
    private let spare = SpareDescriptor()
    private let sockets: Mutex<Sockets>
    private let stopRequests: AsyncStream<Void>
    private let requestStop: AsyncStream<Void>.Continuation

    /// - Parameters:
    ///   - handles: made from the key in the state directory.
    ///   - exports: who may mount what; see ``replaceExports(_:)``.
    ///   - group: loops for the connections; as many as there are cores is right.
    package init(
        configuration: NFSServerConfiguration,
        tree: any VirtualTree,
        handles: FileHandleCodec,
        exports: ExportTable,
        group: any EventLoopGroup,
        logger: Logger
    ) {
        self.configuration = configuration
        self.group = group
        let count = ConnectionCount(
            limit: configuration.limits.connections,
            perHost: configuration.limits.connectionsPerHost
        )
        sockets = Mutex(Sockets(connectionCount: count))
        service = NFSService(
            tree: tree,
            handles: handles,
            exports: exports,
            clientNames: ClientNames(source: configuration.clientNames),
            limits: configuration.limits,
            logger: logger
        )
        portmapper = Portmapper(port: configuration.portmapperPort, group: group)
        (stopRequests, requestStop) = AsyncStream.makeStream()
    }

    package var exports: ExportTable { service.exports }

    /// Takes effect with the next call of every connection.
    ///
    /// Handles stay good while the path of their export is in the table. Where names decide, those
    /// of all who are connected are asked for before, which takes a few seconds at most.
    package func replaceExports(_ exports: ExportTable) async {
        await service.clientNames.learn(anew: service.clients.addresses, for: exports)
        service.publish(exports)
    }

    /// Serves until the task is cancelled or ``stop()`` is called.
    ///
    /// - Parameter whenListening: hears whether a portmapper of ours tells clients of the port.
    /// - Throws: if no address can be listened at.
    package func run(whenListening: @Sendable (_ isMapped: Bool) -> Void = { _ in }) async throws {
        let addresses = try await start()
        let served = addresses.flatMap {
            ServedProgram.all(at: $0, withUDP: configuration.servesUDP)
        }
        let isMapped = await startPortmapper(serving: served)
        whenListening(isMapped)
        await withTaskGroup(of: Void.self) { tasks in
            if configuration.registersWithRPCBind, !isMapped {
                let registration = RPCBindRegistration(served: served, logger: service.logger)
                tasks.addTask { await registration.run() }
            }
            tasks.addTask { await self.followAddresses() }
            for await _ in stopRequests {}
            await stop()
            tasks.cancelAll()
        }
    }

    /// - Returns: whether it answers.
    private func startPortmapper(serving served: [ServedProgram]) async -> Bool {
        guard configuration.startsPortmapper else { return false }
        switch await portmapper.start(serving: served) {
        case .answers:
            service.logger.info(
                "portmapper started: clients find the server without its port",
                metadata: ["port": "\(configuration.portmapperPort)"]
            )
            return true
        case .taken: break
        case .notPermitted:
            service.logger.notice(
                """
                no portmapper: port \(configuration.portmapperPort) needs root or \
                CAP_NET_BIND_SERVICE; without rpcbind, clients need the options port= and mountport=
                """
            )
        case .failed(let reason):
            service.logger.warning("no portmapper", metadata: ["error": "\(reason)"])
        }
        return false
    }

    private func followAddresses() async {
        while (try? await Task.sleep(for: .seconds(60))) != nil {
            for datagrams in sockets.withLock({ $0.datagrams }) { try? await datagrams.update() }
            await portmapper.update()
        }
    }

    /// Binds all addresses; calls are answered from then on.
    ///
    /// - Returns: the addresses at which the server listens for TCP.
    /// - Throws: if an address cannot be had, other than for want of its family.
    @discardableResult
    package func start() async throws -> [SocketAddress] {
        var bound: [SocketAddress] = []
        var port = configuration.port
        var refusal: (any Error)?
        do {
            for host in configuration.addresses {
                let address = try SocketAddress(ipAddress: host, port: port)
                do {
                    let listener = try await bindTCP(address)
                    add(listener)
                    guard let local = listener.localAddress, let chosen = local.port else {
                        continue
                    }
                    bound.append(local)
                    port = chosen
                    if configuration.servesUDP {
                        try await serveOverUDP(at: host, port: chosen)
                    }
                } catch let error as IOError where Self.lacksFamily(error) {
                    refusal = error
                    service.logger.info(
                        "address not available",
                        metadata: ["address": "\(host)", "error": "\(error)"]
                    )
                }
            }
        } catch {
            await stop()
            throw error
        }
        if bound.isEmpty, let refusal { throw refusal }
        service.logger.info(
            "NFS server listens",
            metadata: ["addresses": "\(bound.map { "\($0)" }.joined(separator: ", "))"]
        )
        return bound
    }

    /// Closes all sockets; READs that wait end with their connections.
    package func stop() async {
        requestStop.finish()
        let (channels, datagrams) = sockets.withLock { sockets in
            sockets.isStopping = true
            defer {
                sockets.listeners = []
                sockets.connections = [:]
                sockets.datagrams = []
            }
            return (sockets.listeners + Array(sockets.connections.values), sockets.datagrams)
        }
        for channel in channels { channel.close(promise: nil) }
        for channel in channels { try? await channel.closeFuture.get() }
        for socket in datagrams { await socket.close() }
        await portmapper.stop()
    }

    private func add(_ listener: any Channel) {
        sockets.withLock { $0.listeners.append(listener) }
    }

    private func bindTCP(_ address: SocketAddress) async throws -> any Channel {
        let limits = configuration.limits
        let service = service
        var bootstrap = ServerBootstrap(group: group)
            .lending(spare) { error in
                service.reportRefusal(
                    "no room for a connection: raise the limit of open files",
                    metadata: ["error": "\(error)"]
                )
            }
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(Self.unsentLimit, value: limits.unsentBytes.usual)
            .childChannelInitializer { self.accept($0) }
        if address.protocol == .inet6 {
            bootstrap = bootstrap.serverChannelOption(Self.onlyIPv6, value: 1)
        }
        return try await bootstrap.bind(to: address).get()
    }

    private func serveOverUDP(at host: String, port: Int) async throws {
        let answer = datagramAnswer
        let datagrams = LocalDatagrams(
            host: host,
            port: port,
            hearsBroadcasts: false,
            group: group
        ) { _ in answer }
        try await datagrams.update()
        sockets.withLock { $0.datagrams.append(datagrams) }
    }

    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        if let refusal = spare.refuse(channel) { return refusal }
        guard let remote = channel.remoteAddress, let peer = IPAddress(remote) else {
            return channel.close()
        }
        let key = ObjectIdentifier(channel)
        let refusal = sockets.withLock { sockets -> ConnectionCount.Refusal? in
            if sockets.isStopping { return .full }
            if let refusal = sockets.connectionCount.admit(peer) { return refusal }
            sockets.connections[key] = channel
            return nil
        }
        if let refusal {
            report(refusal, of: peer)
            return channel.close()
        }
        channel.closeFuture.whenComplete { _ in
            self.sockets.withLock { sockets in
                sockets.connections[key] = nil
                sockets.connectionCount.leave(peer)
            }
        }
        return service.clientNames.learn(peer, for: service.exports, on: channel.eventLoop)
            .flatMapThrowing {
                if peer.isLoopback {
                    try channel.syncOptions?.setOption(
                        Self.unsentLimit,
                        value: self.configuration.limits.unsentBytes.local
                    )
                }
                try self.serve(connection: channel, from: peer, port: remote.port ?? 0)
            }
    }

    private func report(_ refusal: ConnectionCount.Refusal, of peer: IPAddress) {
        let limits = configuration.limits
        let (what, limit) =
            switch refusal {
            case .full: ("there are as many as may be", limits.connections)
            case .hostHasEnough: ("its host has as many as one may have", limits.connectionsPerHost)
            }
        service.reportRefusal(
            "connection closed: \(what)",
            metadata: ["peer": "\(peer)", "limit": "\(limit)"]
        )
    }

    /// Lets IPv4 and IPv6 have a socket each on one port.
    static let onlyIPv6 = ChannelOptions.Types.SocketOption(
        level: .ipv6,
        name: .ipv6_v6only
    )

    private static let unsentLimit = ChannelOptions.Types.SocketOption(
        level: .tcp,
        name: NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT)
    )

    private static func lacksFamily(_ error: IOError) -> Bool {
        error.errnoCode == EAFNOSUPPORT || error.errnoCode == EADDRNOTAVAIL
    }
}
