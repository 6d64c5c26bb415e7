import BitTorrentProtocol
import NIOCore
import TorrentLogic

/// Carries announces to UDP trackers (BEP 15, BEP 41): for the whole session one exchange, with a
/// socket for each address family.
///
/// A tracker with addresses of both families is asked at one of each, since it can tell us only
/// peers of the family in which we ask.
actor UDPTrackers {
    private struct Announce {
        let continuation: CheckedContinuation<AnnounceResponse, any Error>
        var questions: Set<UDPTrackerExchange.QuestionKey>
        var response: AnnounceResponse?
        var failure: any Error = RemoteFailure.timedOut
        var timer: Scheduled<Void>?
    }

    /// How long an answer in hand waits for that of the other family.
    private static let grace = Duration.seconds(1)

    private nonisolated let loop: any EventLoop
    private let addresses: AddressFilter
    private let hosts: ListenHosts
    private var sockets: [Bool: DatagramSocket] = [:]
    private var exchange = UDPTrackerExchange(generator: SystemRandomNumberGenerator())
    private var announces: [UInt64: Announce] = [:]
    private var announceOf: [UDPTrackerExchange.QuestionKey: UInt64] = [:]
    private var lastAnnounce: UInt64 = 0
    private var timer: Scheduled<Void>?
    private var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    init(loop: any EventLoop, listenHost: String, addresses: AddressFilter) {
        self.loop = loop
        self.addresses = addresses
        hosts = ListenHosts(listenHost)
    }

    /// - Parameter timeout: for all of it.
    func announce(
        to tracker: UDPTrackerURL,
        _ request: AnnounceRequest,
        timeout: Duration
    ) async throws -> AnnounceResponse {
        let deadline = ContinuousClock.now + timeout
        let addresses = try await HostResolver.addresses(
            of: tracker.host,
            port: tracker.port,
            allowedBy: addresses,
            on: loop,
            within: timeout
        )
        await openSockets()
        guard !isStopped else { throw RemoteFailure.ended }
        let targets = [false, true].compactMap { isIPv6 in
            sockets[isIPv6]?.isOpen == true
                ? addresses.filter { $0.isIPv6 == isIPv6 }.randomElement() : nil
        }
        guard !targets.isEmpty else { throw RemoteFailure.unreachable }
        let rest = ContinuousClock.now.duration(to: deadline)
        return try await withCheckedThrowingContinuation { continuation in
            let question = UDPTrackerExchange.Question.announce(request, urlData: tracker.urlData)
            begin(question, of: targets, continuation, timeout: rest)
        }
    }

    /// Announces under way fail.
    func shutdown() {
        isStopped = true
        for id in announces.keys.sorted() {
            announces[id]?.failure = RemoteFailure.ended
            end(id)
        }
        timer?.cancel()
        timer = nil
        for socket in sockets.values { socket.close() }
    }

    // MARK: Announces

    private func begin(
        _ question: UDPTrackerExchange.Question,
        of targets: [PeerAddress],
        _ continuation: CheckedContinuation<AnnounceResponse, any Error>,
        timeout: Duration
    ) {
        lastAnnounce += 1
        let id = lastAnnounce
        let now = ContinuousClock.now
        let keys = targets.map { exchange.ask(question, of: $0, now: now) }
        announces[id] = Announce(continuation: continuation, questions: Set(keys))
        for key in keys { announceOf[key] = id }
        end(id, in: timeout)
        performActions()
    }

    private func end(_ id: UInt64, in time: Duration) {
        announces[id]?.timer?.cancel()
        announces[id]?.timer = loop.scheduleTask(in: TimeAmount(max(time, .zero))) { [weak self] in
            self?.assumeIsolated { $0.end(id) }
        }
    }

    private func end(_ id: UInt64) {
        guard let announce = announces.removeValue(forKey: id) else { return }
        announce.timer?.cancel()
        for key in announce.questions {
            announceOf[key] = nil
            exchange.cancel(key)
        }
        if let response = announce.response {
            announce.continuation.resume(returning: response)
        } else {
            announce.continuation.resume(throwing: announce.failure)
        }
    }

    private func finish(
        _ key: UDPTrackerExchange.QuestionKey,
        _ answer: UDPTrackerExchange.Answer
    ) {
        guard let id = announceOf.removeValue(forKey: key) else { return }
        announces[id]?.questions.remove(key)
        switch answer {
        case .announced(let response):
            if announces[id]?.response == nil {
                announces[id]?.response = response
                end(id, in: Self.grace)
            } else {
                announces[id]?.response?.peers += response.peers
            }
        case .refused(let reason):
            announces[id]?.failure = AnnounceError.refused(reason: reason, retry: nil)
        case .timedOut, .scraped: break
        }
        if announces[id]?.questions.isEmpty == true { end(id) }
    }

    // MARK: Sockets

    private func openSockets() async {
        for isIPv6 in [false, true] {
            guard !isStopped, let host = hosts[isIPv6: isIPv6] else { continue }
            let socket = sockets[isIPv6] ?? makeSocket(host, isIPv6: isIPv6)
            // A family that this machine does not have is left out.
            try? await socket.open().get()
        }
    }

    private func makeSocket(_ host: String, isIPv6: Bool) -> DatagramSocket {
        let socket = DatagramSocket(host: host, isIPv6: isIPv6, loop: loop) {
            [weak self] bytes, address in
            self?.assumeIsolated { $0.received(bytes, from: address) }
        }
        sockets[isIPv6] = socket
        return socket
    }

    private func received(_ bytes: [UInt8], from address: PeerAddress) {
        exchange.received(bytes, from: address, now: .now)
        performActions()
    }

    private func performActions() {
        for action in exchange.takeActions() {
            switch action {
            case .send(let bytes, let address): sockets[address.isIPv6]?.send(bytes, to: address)
            case .finish(let key, let answer): finish(key, answer)
            }
        }
        timer?.cancel()
        timer = nil
        guard !isStopped, let deadline = exchange.nextDeadline else { return }
        let delay = TimeAmount(max(.zero, ContinuousClock.now.duration(to: deadline)))
        timer = loop.scheduleTask(in: delay) { [weak self] in
            self?.assumeIsolated { $0.timerFired() }
        }
    }

    private func timerFired() {
        exchange.timerFired(now: .now)
        performActions()
    }
}
