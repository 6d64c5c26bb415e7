package import NIOCore
import NIOPosix
import ONCRPC

// What is served on a channel, whoever has made it: the server from its sockets, a test from nothing.
// Each of these is to be called on the event loop of the channel.
extension NFSServer {
    /// NFS, MOUNT and locks, as on a TCP connection that comes from there.
    package func serve(connection channel: any Channel, from peer: IPAddress, port: Int) throws {
        try channel.pipeline.syncOperations.addHandler(
            NFSConnection(service: service, peer: peer, port: port)
        )
    }

    /// MOUNT and locks, as on a UDP socket.
    package func serve(datagramsOf channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandler(RPCDatagrams(answer: datagramAnswer))
    }

    /// The portmapper, as on a TCP connection, for what is served at an address.
    package func servePortmapper(connection channel: any Channel, at address: SocketAddress) throws
    {
        let host = address.ipAddress ?? "0.0.0.0"
        try channel.pipeline.syncOperations.addHandler(
            PortmapConnection(
                program: PortmapProgram(served: ServedProgram.all(at: address, withUDP: true)),
                transport: host.contains(":") ? .tcp6 : .tcp,
                host: host
            )
        )
    }

    var datagramAnswer: RPCDatagrams.Answer {
        { [service] call, arguments, remote in
            guard let address = IPAddress(remote) else { return nil }
            if service.clientNames.mustAsk(address, for: service.exports) {
                let loop = MultiThreadedEventLoopGroup.singleton.any()
                _ = service.clientNames.learn(address, for: service.exports, on: loop)
                // Whoever it is may call NULL, as clients do first; with other calls it comes again.
                guard call.procedure == 0 else { return nil }
            }
            let caller = Caller(address: address, port: remote.port ?? 0, service: service)
            return service.answer(call, arguments: arguments, caller: caller)
        }
    }
}
