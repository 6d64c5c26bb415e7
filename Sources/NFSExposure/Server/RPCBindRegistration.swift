import Logging
import NFSProtocol
import NIOCore
import NIOPosix
import ONCRPC

/// Keeps rpcbind told of the server: at start, and again each minute in case it was restarted.
struct RPCBindRegistration {
    private static let interval = Duration.seconds(60)

    private let mappings: [(mapping: RPCBind.Mapping, port: UInt16)]
    private let logger: Logger

    init(
        addresses: [SocketAddress],
        servesUDP: (SocketAddress) -> Bool,
        logger: Logger
    ) {
        self.logger = logger
        mappings = addresses.flatMap { address -> [(mapping: RPCBind.Mapping, port: UInt16)] in
            guard let port = address.port.flatMap(UInt16.init(exactly:)) else { return [] }
            let isIPv6 = address.protocol == .inet6
            var served: [(UInt32, UInt32, RPCBind.Transport)] = []
            let tcp: RPCBind.Transport = isIPv6 ? .tcp6 : .tcp
            served.append((ProgramNumber.nfs, 3, tcp))
            served.append((ProgramNumber.mount, 3, tcp))
            served.append((ProgramNumber.mount, 1, tcp))
            if servesUDP(address) {
                let udp: RPCBind.Transport = isIPv6 ? .udp6 : .udp
                served.append((ProgramNumber.mount, 3, udp))
                served.append((ProgramNumber.mount, 1, udp))
            }
            return served.map { program, version, transport in
                (
                    RPCBind.Mapping(program: program, version: version, transport: transport),
                    port
                )
            }
        }
    }

    /// Returns after cancellation, when the mappings are removed.
    func run() async {
        var last: RPCBind.Outcome?
        while !Task.isCancelled {
            let outcome = await register()
            if outcome != last { log(outcome) }
            last = outcome
            try? await Task.sleep(for: Self.interval)
        }
        if last == .done { await unregister() }
    }

    private func register() async -> RPCBind.Outcome {
        let mappings = mappings
        let outcomes = try? await NIOThreadPool.singleton.runIfActive {
            var outcomes: [RPCBind.Outcome] = []
            for entry in mappings {
                outcomes.append(RPCBind.register(entry.mapping, port: entry.port))
                // Nobody is there: the other calls would only take their time.
                if outcomes.last == .absent { break }
            }
            return outcomes
        }
        // IPv6 may be missing from /etc/netconfig, which is no failure.
        return outcomes?.first { $0 != .done && $0 != .noTransport } ?? .done
    }

    private func unregister() async {
        let mappings = mappings
        // The future, not the async form: that one does nothing in a task that is cancelled.
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        try? await NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            for entry in mappings { _ = RPCBind.unregister(entry.mapping) }
        }.get()
    }

    private func log(_ outcome: RPCBind.Outcome) {
        switch outcome {
        case .done: logger.info("registered with rpcbind")
        case .absent:
            logger.notice("rpcbind is not running: clients need the options port= and mountport=")
        case .refused, .noTransport:
            logger.warning(
                """
                rpcbind refused the registration: another NFS server owns it, or the service runs \
                as another user than before
                """
            )
        }
    }
}
