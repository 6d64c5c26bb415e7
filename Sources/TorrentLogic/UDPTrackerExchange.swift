package import BitTorrentProtocol

/// Questions to UDP trackers until they are answered or given up (BEP 15), for any number of
/// torrents and trackers on one socket.
package struct UDPTrackerExchange: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package struct Limits: Sendable {
        /// Before the first repetition; each further wait is twice as long.
        package var initialTimeout = Duration.seconds(15)
        /// Repetitions after which a tracker is given up.
        package var repetitionCount = 8
        /// How long a connection id may be used.
        package var connectionLifetime = Duration.seconds(60)

        package init() {}
    }

    /// Whom to ask.
    package enum Tracker: Hashable, Sendable {
        case address(PeerAddress)
        /// Behind a proxy, which looks the name up and does not say what it found.
        case name(ProxyDestination)

        /// Whether an answer from there may be the tracker's.
        fileprivate func mayBe(at source: PeerAddress) -> Bool {
            switch self {
            case .address(let address): address == source
            case .name(let destination): destination.port == source.port
            }
        }
    }

    package enum Question: Equatable, Sendable {
        /// `urlData` is the path and query of the announce URL (BEP 41).
        case announce(AnnounceRequest, urlData: String?)
        /// As many torrents as `UDPTrackerRequest.maximumScrapeCount`.
        case scrape([InfoHash])
    }

    package enum Answer: Equatable, Sendable {
        case announced(AnnounceResponse)
        case scraped([SwarmSize])
        case refused(reason: String)
        case timedOut
    }

    /// Names a question; never reused.
    package struct QuestionKey: Hashable, Comparable, Sendable {
        package let rawValue: UInt64
        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Action: Equatable, Sendable {
        case send([UInt8], to: Tracker)
        case finish(QuestionKey, Answer)
    }

    private struct Pending {
        let tracker: Tracker
        let question: Question
        var repetitions = 0
        /// `nil` while it waits for a connection id.
        var transactionID: UInt32?
        var deadline: Instant?
    }

    private enum Connection {
        case asked(transactionID: UInt32, repetitions: Int, deadline: Instant)
        case open(id: UInt64, until: Instant)
    }

    private let limits: Limits
    private var generator: any RandomNumberGenerator & Sendable
    private var connections: [Tracker: Connection] = [:]
    private var pending: [QuestionKey: Pending] = [:]
    private var nextKey: UInt64 = 0
    private var actions: [Action] = []

    /// - Parameter generator: of transaction ids; what protects from forged answers is that nobody
    ///   can guess them.
    package init(
        limits: Limits = Limits(),
        generator: any RandomNumberGenerator & Sendable
    ) {
        self.limits = limits
        self.generator = generator
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions.removeAll() }
        return actions
    }

    package var nextDeadline: Instant? {
        var earliest = pending.values.compactMap(\.deadline).min()
        for case .asked(_, _, let deadline) in connections.values {
            earliest = min(earliest ?? deadline, deadline)
        }
        return earliest
    }

    // MARK: Events

    package mutating func ask(
        _ question: Question,
        of tracker: Tracker,
        now: Instant
    ) -> QuestionKey {
        let key = QuestionKey(rawValue: nextKey)
        nextKey += 1
        pending[key] = Pending(tracker: tracker, question: question)
        advance(key, now: now)
        return key
    }

    /// Forgets a question; no answer is reported.
    package mutating func cancel(_ key: QuestionKey) {
        guard let tracker = pending.removeValue(forKey: key)?.tracker else { return }
        forgetUnusedConnect(to: tracker)
    }

    /// A packet has come; whatever answers no question of ours to that tracker is ignored.
    package mutating func received(_ bytes: [UInt8], from source: PeerAddress, now: Instant) {
        guard let packet = UDPTrackerPacket(decoding: bytes, isIPv6: source.isIPv6) else { return }
        let asked = connections.first { tracker, connection in
            if case .asked(packet.transactionID, _, _) = connection {
                return tracker.mayBe(at: source)
            }
            return false
        }
        if let tracker = asked?.key {
            switch packet.body {
            case .connected(let id):
                connections[tracker] = .open(
                    id: id,
                    until: now.advanced(by: limits.connectionLifetime)
                )
                for key in waiting(for: tracker) { advance(key, now: now) }
            case .refused(let reason):
                connections[tracker] = nil
                for key in waiting(for: tracker) { finish(key, .refused(reason: reason)) }
            case .announced, .scraped: break
            }
            return
        }
        let match = pending.first {
            $0.value.tracker.mayBe(at: source)
                && $0.value.transactionID == packet.transactionID
        }
        guard let (key, question) = match else { return }
        switch (packet.body, question.question) {
        case (.announced(let response), .announce): finish(key, .announced(response))
        case (.scraped(let scrapes), .scrape(let hashes)) where scrapes.count >= hashes.count:
            finish(key, .scraped(Array(scrapes.prefix(hashes.count))))
        case (.refused(let reason), _):
            // It may be that the connection id is no longer known there.
            connections[question.tracker] = nil
            finish(key, .refused(reason: reason))
        default: break
        }
    }

    package mutating func timerFired(now: Instant) {
        for (tracker, connection) in connections {
            switch connection {
            case .open(_, let until): if until <= now { connections[tracker] = nil }
            case .asked(let transactionID, let repetitions, let deadline):
                guard deadline <= now else { continue }
                repeatConnect(tracker, transactionID, repetitions + 1, now: now)
            }
        }
        for key in pending.keys.sorted() {
            guard var question = pending[key], let deadline = question.deadline, deadline <= now
            else { continue }
            question.repetitions += 1
            question.deadline = nil
            question.transactionID = nil
            pending[key] = question
            if question.repetitions > limits.repetitionCount {
                finish(key, .timedOut)
            } else {
                advance(key, now: now)
            }
        }
    }

    // MARK: Steps

    private func timeout(_ repetitions: Int) -> Duration {
        limits.initialTimeout * (1 << min(repetitions, 16))
    }

    private func waiting(for tracker: Tracker) -> [QuestionKey] {
        pending.filter { $0.value.tracker == tracker && $0.value.transactionID == nil }
            .keys.sorted()
    }

    private mutating func finish(_ key: QuestionKey, _ answer: Answer) {
        pending[key] = nil
        actions.append(.finish(key, answer))
    }

    /// Sends a question if there is a connection id to send it with, else sees to one.
    private mutating func advance(_ key: QuestionKey, now: Instant) {
        guard var question = pending[key] else { return }
        let tracker = question.tracker
        switch connections[tracker] {
        case .asked: return
        case .open(let id, let until) where now < until:
            let transactionID = UInt32.random(in: .min ... .max, using: &generator)
            question.transactionID = transactionID
            question.deadline = now.advanced(by: timeout(question.repetitions))
            pending[key] = question
            let request: UDPTrackerRequest =
                switch question.question {
                case .announce(let announce, let urlData):
                    .announce(connectionID: id, announce, urlData: urlData)
                case .scrape(let hashes): .scrape(connectionID: id, hashes)
                }
            actions.append(.send(request.encode(transactionID: transactionID), to: tracker))
        case .open, nil:
            let transactionID = UInt32.random(in: .min ... .max, using: &generator)
            repeatConnect(tracker, transactionID, 0, now: now)
        }
    }

    private mutating func repeatConnect(
        _ tracker: Tracker,
        _ transactionID: UInt32,
        _ repetitions: Int,
        now: Instant
    ) {
        guard repetitions <= limits.repetitionCount else {
            connections[tracker] = nil
            for key in waiting(for: tracker) { finish(key, .timedOut) }
            return
        }
        connections[tracker] = .asked(
            transactionID: transactionID,
            repetitions: repetitions,
            deadline: now.advanced(by: timeout(repetitions))
        )
        let bytes = UDPTrackerRequest.connect.encode(transactionID: transactionID)
        actions.append(.send(bytes, to: tracker))
    }

    private mutating func forgetUnusedConnect(to tracker: Tracker) {
        guard case .asked? = connections[tracker],
            !pending.values.contains(where: { $0.tracker == tracker })
        else { return }
        connections[tracker] = nil
    }
}
