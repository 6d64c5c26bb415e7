import Logging
import NIOCore
import NIOPosix
import ONCRPC

/// Keeps rpcbind told of the server: at start, and again every 15 s in case it was restarted.
struct RPCBindRegistration {
    private static let interval = Duration.seconds(15)

    private let served: [ServedProgram]
    private let logger: Logger

    init(served: [ServedProgram], logger: Logger) {
        self.served = served
        self.logger = logger
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
        let served = served
        let outcomes = try? await NIOThreadPool.singleton.runIfActive {
            var outcomes: [RPCBind.Outcome] = []
            // What is there stays: a client that asks must not meet the moment between the old and
            // the new.
            let known = RPCBind.registrations() ?? []
            for entry in served where !known.contains(entry.registration) {
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
        let served = served
        // The future, not the async form: that one does nothing in a task that is cancelled.
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        try? await NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
            for entry in served { _ = RPCBind.unregister(entry.mapping) }
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

extension ServedProgram {
    fileprivate var mapping: RPCBind.Mapping {
        RPCBind.Mapping(program: program, version: version, transport: transport)
    }

    fileprivate var registration: RPCBind.Registration {
        RPCBind.Registration(mapping: mapping, port: port)
    }
}
