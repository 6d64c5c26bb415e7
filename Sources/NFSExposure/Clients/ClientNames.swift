import NIOCore
import NIOPosix
import Synchronization

/// What name servers say of clients, for exports that name hosts by patterns or netgroups.
///
/// They are asked when a client connects, before its first call is read, and for all that are
/// connected before new exports count; no call waits for them. Safe on any thread.
final class ClientNames: Sendable {
    /// Tells of an address what there is to know; fails if that takes too long.
    typealias Source =
        @Sendable (IPAddress, Set<String>, any EventLoop) -> EventLoopFuture<ClientHost>

    private struct Answer {
        let host: ClientHost
        /// Those that were asked about.
        let netgroups: Set<String>
        let until: ContinuousClock.Instant
    }

    private struct State {
        var known: [IPAddress: Answer] = [:]
        var asked: [IPAddress: EventLoopFuture<ClientHost>] = [:]
    }

    /// As many as there can be connections.
    private static let maximumKnown = 4096
    /// Who comes while so many are asked of has no name.
    private static let maximumAsked = 64
    /// A client that connects after that is asked of again; sooner, if nobody had an answer.
    private static let lifetime = Duration.seconds(600)
    private static let lifetimeWithoutAnswer = Duration.seconds(15)

    private let source: Source
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state = Mutex(State())

    init(
        source: @escaping Source,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.source = source
        self.now = now
    }

    /// What is known by now.
    func host(_ address: IPAddress) -> ClientHost {
        state.withLock { $0.known[address]?.host } ?? ClientHost(address: address)
    }

    /// Asks of a client unless the exports know it by its address, or its names are known.
    func learn(
        _ address: IPAddress,
        for exports: ExportTable,
        on loop: any EventLoop
    ) -> EventLoopFuture<Void> {
        guard mustAsk(address, for: exports) else {
            return loop.makeSucceededVoidFuture()
        }
        let asked = state.withLock { state -> EventLoopFuture<ClientHost>? in
            if let asked = state.asked[address] { return asked }
            guard state.asked.count < Self.maximumAsked else { return nil }
            let asked = source(address, exports.netgroups, loop)
            state.asked[address] = asked
            return asked
        }
        guard let asked else { return loop.makeSucceededVoidFuture() }
        return keep(asked.hop(to: loop), of: address, exports.netgroups).always { _ in
            self.state.withLock { $0.asked[address] = nil }
        }
    }

    /// Whether ``learn(_:for:on:)`` would have to ask.
    func mustAsk(_ address: IPAddress, for exports: ExportTable) -> Bool {
        guard exports.needsNames(of: address) else { return false }
        let known = state.withLock { $0.known[address] }
        return known.map { now() >= $0.until || $0.netgroups != exports.netgroups } ?? true
    }

    /// Asks anew, of all of these; what was known of others is forgotten.
    func learn(anew addresses: [IPAddress], for exports: ExportTable) async {
        state.withLock { $0.known = [:] }
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let asked = addresses.prefix(Self.maximumKnown).filter(exports.needsNames).map { address in
            keep(source(address, exports.netgroups, loop), of: address, exports.netgroups)
        }
        try? await EventLoopFuture.andAllComplete(asked, on: loop).get()
    }

    private func keep(
        _ answer: EventLoopFuture<ClientHost>,
        of address: IPAddress,
        _ netgroups: Set<String>
    ) -> EventLoopFuture<Void> {
        answer.map { self.keep($0, netgroups, for: Self.lifetime) }.recover { _ in
            self.keep(ClientHost(address: address), netgroups, for: Self.lifetimeWithoutAnswer)
        }
    }

    private func keep(_ host: ClientHost, _ netgroups: Set<String>, for lifetime: Duration) {
        state.withLock { state in
            if state.known.count >= Self.maximumKnown, state.known[host.address] == nil {
                let oldest = state.known.min { $0.value.until < $1.value.until }
                if let oldest { state.known[oldest.key] = nil }
            }
            state.known[host.address] = Answer(
                host: host,
                netgroups: netgroups,
                until: now() + lifetime
            )
        }
    }
}
