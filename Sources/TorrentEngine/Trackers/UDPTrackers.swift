import BitTorrentProtocol
import NIOCore
import TorrentLogic

/// Carries announces and scrapes to UDP trackers (BEP 15, BEP 41): for the whole session one exchange, with a
/// socket for each address family.
///
/// A tracker with addresses of both families is asked at one of each, since it can tell us only
/// peers of the family in which we ask.
actor UDPTrackers {
    private struct Inquiry {
        let continuation: CheckedContinuation<UDPTrackerExchange.Answer, any Error>
        var questions: Set<UDPTrackerExchange.QuestionKey>
        var answer: UDPTrackerExchange.Answer?
        var failure: any Error = RemoteFailure.timedOut
        var timer: Scheduled<Void>?
    }

    /// How long an answer in hand waits for that of the other family.
    private static let grace = Duration.seconds(1)

    private nonisolated let loop: any EventLoop
    private let addresses: AddressFilter
    private let hosts: ListenHosts
    private let connector: ProxyConnector?
    private var sockets: [Bool: DatagramSocket] = [:]
    private var exchange = UDPTrackerExchange(generator: SystemRandomNumberGenerator())
    private var inquiries: [UInt64: Inquiry] = [:]
    private var inquiryOf: [UDPTrackerExchange.QuestionKey: UInt64] = [:]
    private var lastInquiry: UInt64 = 0
    private var timer: Scheduled<Void>?
    private var isStopped = false

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        loop.executor.asUnownedSerialExecutor()
    }

    /// - Parameter connector: to the proxy that relays every datagram; `nil` for none.
    init(
        loop: any EventLoop,
        listenHost: String,
        addresses: AddressFilter,
        connector: ProxyConnector? = nil
    ) {
        self.connector = connector
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
        let question = UDPTrackerExchange.Question.announce(request, urlData: tracker.urlData)
        guard case .announced(let response) = try await ask(question, of: tracker, timeout: timeout)
        else { throw RemoteFailure.ended }
        return response
    }

    /// - Parameter timeout: for all of it.
    /// - Returns: `nil` if the tracker says nothing of the torrent.
    func scrape(
        _ tracker: UDPTrackerURL,
        _ infoHash: InfoHash,
        timeout: Duration
    ) async throws -> SwarmSize? {
        guard
            case .scraped(let sizes) = try await ask(
                .scrape([infoHash]),
                of: tracker,
                timeout: timeout
            )
        else { throw RemoteFailure.ended }
        return sizes.first
    }

    /// - Returns: an answer of the question's kind.
    private func ask(
        _ question: UDPTrackerExchange.Question,
        of tracker: UDPTrackerURL,
        timeout: Duration
    ) async throws -> UDPTrackerExchange.Answer {
        let deadline = ContinuousClock.now + timeout
        let targets = try await targets(for: tracker, within: timeout)
        guard !targets.isEmpty else { throw RemoteFailure.unreachable }
        let rest = ContinuousClock.now.duration(to: deadline)
        return try await withCheckedThrowingContinuation { continuation in
            begin(question, of: targets, continuation, timeout: rest)
        }
    }

    private func targets(
        for tracker: UDPTrackerURL,
        within timeout: Duration
    ) async throws -> [UDPTrackerExchange.Tracker] {
        if connector != nil { return [try await relayedTarget(for: tracker)] }
        let addresses = try await HostResolver.addresses(
            of: tracker.host,
            port: tracker.port,
            allowedBy: addresses,
            on: loop,
            within: timeout
        )
        await openSockets()
        guard !isStopped else { throw RemoteFailure.ended }
        return [false, true].compactMap { isIPv6 in
            sockets[isIPv6]?.isOpen == true
                ? addresses.filter { $0.isIPv6 == isIPv6 }.randomElement() : nil
        }.map { .address($0) }
    }

    /// Its name is looked up by the proxy, and nowhere else.
    private func relayedTarget(
        for tracker: UDPTrackerURL
    ) async throws -> UDPTrackerExchange.Tracker {
        guard addresses.allows(host: tracker.host) else {
            throw RemoteFailure.forbiddenHost(tracker.host)
        }
        await openSockets()
        guard !isStopped else { throw RemoteFailure.ended }
        guard sockets[false]?.isOpen == true,
            let destination = ProxyDestination(host: tracker.host, port: tracker.port)
        else { throw RemoteFailure.notThroughProxy }
        guard let address = PeerAddress(numericHost: tracker.host, port: tracker.port) else {
            return .name(destination)
        }
        return .address(address)
    }

    /// Questions under way fail.
    func shutdown() {
        isStopped = true
        for id in inquiries.keys.sorted() {
            inquiries[id]?.failure = RemoteFailure.ended
            end(id)
        }
        timer?.cancel()
        timer = nil
        for socket in sockets.values { socket.close() }
    }

    // MARK: Questions

    private func begin(
        _ question: UDPTrackerExchange.Question,
        of targets: [UDPTrackerExchange.Tracker],
        _ continuation: CheckedContinuation<UDPTrackerExchange.Answer, any Error>,
        timeout: Duration
    ) {
        lastInquiry += 1
        let id = lastInquiry
        let now = ContinuousClock.now
        let keys = targets.map { exchange.ask(question, of: $0, now: now) }
        inquiries[id] = Inquiry(continuation: continuation, questions: Set(keys))
        for key in keys { inquiryOf[key] = id }
        end(id, in: timeout)
        performActions()
    }

    private func end(_ id: UInt64, in time: Duration) {
        inquiries[id]?.timer?.cancel()
        inquiries[id]?.timer = loop.scheduleTask(in: TimeAmount(max(time, .zero))) { [weak self] in
            self?.assumeIsolated { $0.end(id) }
        }
    }

    private func end(_ id: UInt64) {
        guard let inquiry = inquiries.removeValue(forKey: id) else { return }
        inquiry.timer?.cancel()
        for key in inquiry.questions {
            inquiryOf[key] = nil
            exchange.cancel(key)
        }
        if let answer = inquiry.answer {
            inquiry.continuation.resume(returning: answer)
        } else {
            inquiry.continuation.resume(throwing: inquiry.failure)
        }
    }

    private func finish(
        _ key: UDPTrackerExchange.QuestionKey,
        _ answer: UDPTrackerExchange.Answer
    ) {
        guard let id = inquiryOf.removeValue(forKey: key) else { return }
        inquiries[id]?.questions.remove(key)
        switch answer {
        case .announced(let response):
            if case .announced(var first)? = inquiries[id]?.answer {
                first.peers += response.peers
                inquiries[id]?.answer = .announced(first)
            } else {
                inquiries[id]?.answer = answer
                end(id, in: Self.grace)
            }
        case .scraped:
            inquiries[id]?.answer = answer
            return end(id)
        case .refused(let reason):
            inquiries[id]?.failure = AnnounceError.refused(reason: reason, retry: nil)
        case .timedOut: break
        }
        if inquiries[id]?.questions.isEmpty == true { end(id) }
    }

    // MARK: Sockets

    private func openSockets() async {
        for isIPv6 in connector == nil ? [false, true] : [false] {
            guard !isStopped, let host = hosts[isIPv6: isIPv6] else { continue }
            let socket = sockets[isIPv6] ?? makeSocket(host, isIPv6: isIPv6)
            // A family that this machine does not have is left out.
            try? await socket.open().get()
        }
    }

    private func makeSocket(_ host: String, isIPv6: Bool) -> DatagramSocket {
        let socket = DatagramSocket(
            host: host,
            isIPv6: isIPv6,
            connector: connector,
            loop: loop
        ) { [weak self] bytes, address in
            self?.assumeIsolated { exchange in
                exchange.received(Array(bytes.readableBytesView), from: address)
            }
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
            case .send(let bytes, .address(let address)):
                // A relay has one socket for both families.
                let isIPv6 = connector == nil && address.isIPv6
                sockets[isIPv6]?.send(bytes, to: address)
            case .send(let bytes, .name(let destination)):
                sockets[false]?.send(bytes, to: destination)
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
