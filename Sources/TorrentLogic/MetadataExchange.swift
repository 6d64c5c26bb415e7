package import BitTorrentProtocol

/// How the info dictionary of a torrent known by its hash alone comes from peers, and goes to them
/// (BEP 9).
///
/// Blocks are asked from all peers that claim the same size. If the whole turns out wrong and
/// several peers had a part in it, the next attempts are from one peer each, so that the liar is
/// found without harm to the others.
package struct MetadataExchange: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package struct Limits: Sendable {
        /// Bytes of metadata that are accepted.
        package var byteCount = 10 * 1024 * 1024
        /// Requests that wait at one peer.
        package var outstandingCount = 2
        package var requestTimeout = Duration.seconds(10)
        /// How long a peer is left alone that rejected, or that answered wrongly or not at all.
        package var pause = Duration.seconds(30)
        /// Rejects that one peer gets before its requests are no longer answered.
        package var rejectCount = 64

        package init() {}
    }

    package enum Action: Equatable, Sendable {
        case send(MetadataMessage, to: PeerKey)
        /// Every byte is here: hash it, then report `accepted` or `refused`.
        case complete([UInt8])
        /// All bytes of metadata that was refused are from this peer.
        case blame(PeerKey)
    }

    private struct Peer {
        var claimedByteCount: Int?
        /// Blocks asked for and not answered: when, or `nil` once that took too long.
        ///
        /// A late block is still welcome.
        var requests: [Int: Instant?] = [:]
        var notBefore: Instant?
        var failureCount = 0
        var servedCount = 0
        var rejectedCount = 0

        var outstandingCount: Int { requests.values.count { $0 != nil } }
    }

    private struct Attempt {
        let byteCount: Int
        var blocks: [[UInt8]?]
        var missingCount: Int
        var sources: Set<PeerKey> = []

        init(byteCount: Int) {
            self.byteCount = byteCount
            let size = MetadataMessage.blockByteCount
            missingCount = (byteCount + size - 1) / size
            blocks = Array(repeating: nil, count: missingCount)
        }

        func byteCount(ofBlock block: Int) -> Int {
            min(
                MetadataMessage.blockByteCount,
                byteCount - block * MetadataMessage.blockByteCount
            )
        }
    }

    private enum State {
        case collecting(Attempt?)
        case awaitingVerdict(sources: Set<PeerKey>, [UInt8])
        case finished([UInt8], isShared: Bool)
    }

    private let limits: Limits
    private var state = State.collecting(nil)
    private var peers: [PeerKey: Peer] = [:]
    /// After an attempt of several peers has failed: each attempt is of one.
    private var usesOneSource = false
    private var soleSource: PeerKey?
    private var actions: [Action] = []

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// An exchange that has the metadata from the start, and serves it.
    ///
    /// - Parameter isShared: false for a private torrent (BEP 27), whose metadata nobody gets.
    package init(serving metadata: [UInt8], isShared: Bool, limits: Limits = Limits()) {
        self.limits = limits
        state = .finished(metadata, isShared: isShared)
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions.removeAll() }
        return actions
    }

    /// Bytes that are here and bytes in all, while they are collected.
    package var progress: (received: Int, total: Int)? {
        guard case .collecting(let attempt?) = state else { return nil }
        let received = attempt.blocks.reduce(0) { $0 + ($1?.count ?? 0) }
        return (received, attempt.byteCount)
    }

    package var nextDeadline: Instant? {
        guard case .collecting = state else { return nil }
        var earliest: Instant?
        for peer in peers.values {
            let timeouts = peer.requests.values.compactMap {
                $0?.advanced(by: limits.requestTimeout)
            }
            for instant in timeouts + (peer.notBefore.map { [$0] } ?? []) {
                earliest = min(earliest ?? instant, instant)
            }
        }
        return earliest
    }

    // MARK: Events

    /// A peer that speaks `ut_metadata` is there.
    ///
    /// - Parameter claimedByteCount: `metadata_size` of its handshake. Only the first counts.
    package mutating func joined(_ key: PeerKey, claimedByteCount: Int?, now: Instant) {
        var peer = peers[key] ?? Peer()
        if peer.claimedByteCount == nil, let claimedByteCount,
            (1...limits.byteCount).contains(claimedByteCount)
        {
            peer.claimedByteCount = claimedByteCount
        }
        peers[key] = peer
        ask(now: now)
    }

    package mutating func left(_ key: PeerKey, now: Instant) {
        peers[key] = nil
        ask(now: now)
    }

    package mutating func received(_ message: MetadataMessage, from key: PeerKey, now: Instant) {
        guard peers[key] != nil else { return }
        switch message {
        case .request(let block): answer(block, to: key)
        case .data(let block, let total, let payload):
            accept(block, total: total, payload: payload, from: key, now: now)
        case .reject(let block):
            guard peers[key]?.requests.removeValue(forKey: block) != nil else { return }
            fail(key, now: now)
            ask(now: now)
        case .unknown: break
        }
    }

    package mutating func timerFired(now: Instant) {
        guard case .collecting = state else { return }
        for key in peers.keys.sorted() {
            guard var peer = peers[key] else { continue }
            var isLate = false
            for (block, sent) in peer.requests {
                guard let sent, sent.advanced(by: limits.requestTimeout) <= now else { continue }
                peer.requests[block] = .some(nil)
                isLate = true
            }
            if let notBefore = peer.notBefore, notBefore <= now { peer.notBefore = nil }
            peers[key] = peer
            if isLate { fail(key, now: now) }
        }
        ask(now: now)
    }

    /// What was complete has the right hash: from now on it is served.
    package mutating func accepted(isShared: Bool) {
        guard case .awaitingVerdict(_, let bytes) = state else { return }
        state = .finished(bytes, isShared: isShared)
        for key in peers.keys { peers[key]?.requests = [:] }
    }

    /// What was complete has the wrong hash: it is collected again.
    package mutating func refused(now: Instant) {
        guard case .awaitingVerdict(let sources, _) = state else { return }
        state = .collecting(nil)
        for key in sources { peers[key]?.failureCount += 1 }
        if sources.count == 1, let source = sources.first {
            actions.append(.blame(source))
            peers[source]?.claimedByteCount = nil
        }
        usesOneSource = true
        soleSource = nil
        ask(now: now)
    }

    // MARK: Collecting

    private mutating func fail(_ key: PeerKey, now: Instant) {
        peers[key]?.failureCount += 1
        peers[key]?.notBefore = now.advanced(by: limits.pause)
        guard soleSource == key else { return }
        soleSource = nil
    }

    private mutating func accept(
        _ block: Int,
        total: Int?,
        payload: [UInt8],
        from key: PeerKey,
        now: Instant
    ) {
        // Nobody else may add to the memory in use.
        guard case .collecting(var attempt?) = state,
            peers[key]?.requests.removeValue(forKey: block) != nil,
            attempt.blocks.indices.contains(block)
        else { return }
        guard payload.count == attempt.byteCount(ofBlock: block),
            total == nil || total == attempt.byteCount
        else {
            fail(key, now: now)
            ask(now: now)
            return
        }
        guard attempt.blocks[block] == nil else { return }
        attempt.blocks[block] = payload
        attempt.missingCount -= 1
        attempt.sources.insert(key)
        guard attempt.missingCount == 0 else {
            state = .collecting(attempt)
            ask(now: now)
            return
        }
        let bytes = attempt.blocks.flatMap { $0 ?? [] }
        state = .awaitingVerdict(sources: attempt.sources, bytes)
        for key in peers.keys { peers[key]?.requests = [:] }
        actions.append(.complete(bytes))
    }

    /// Fills the pipelines of the peers that may be asked.
    private mutating func ask(now: Instant) {
        guard case .collecting(let current) = state else { return }
        guard let attempt = attempt(continuing: current) else {
            state = .collecting(current)
            return
        }
        state = .collecting(attempt)
        var asked = Set(peers.values.flatMap { $0.requests.filter { $0.value != nil }.keys })
        for key in peers.keys.sorted() where !usesOneSource || key == soleSource {
            guard var peer = peers[key], peer.claimedByteCount == attempt.byteCount,
                peer.notBefore == nil
            else { continue }
            var free = limits.outstandingCount - peer.outstandingCount
            for block in attempt.blocks.indices where free > 0 {
                guard attempt.blocks[block] == nil, asked.insert(block).inserted else { continue }
                peer.requests[block] = .some(now)
                free -= 1
                actions.append(.send(.request(block: block), to: key))
            }
            peers[key] = peer
        }
    }

    /// The attempt to go on with: the one that runs, as long as somebody can bring it on.
    private mutating func attempt(continuing current: Attempt?) -> Attempt? {
        if usesOneSource {
            if let soleSource, let size = peers[soleSource]?.claimedByteCount {
                return current?.byteCount == size ? current : Attempt(byteCount: size)
            }
            let candidates = peers.filter {
                $0.value.claimedByteCount != nil && $0.value.notBefore == nil
            }
            soleSource =
                candidates.min {
                    ($0.value.failureCount, $0.key) < ($1.value.failureCount, $1.key)
                }?.key
            // Blocks of the peer before it must not be mixed with its own.
            for key in peers.keys { peers[key]?.requests = [:] }
            return soleSource.flatMap { peers[$0]?.claimedByteCount }
                .map { Attempt(byteCount: $0) }
        }
        if let current,
            current.sources.contains(where: { peers[$0] != nil })
                || peers.values.contains(where: {
                    $0.claimedByteCount == current.byteCount && $0.failureCount < 3
                })
        {
            return current
        }
        var votes: [Int: Int] = [:]
        for peer in peers.values {
            guard let size = peer.claimedByteCount else { continue }
            votes[size, default: 0] += peer.failureCount < 3 ? 1_000_000 : 1
        }
        // The smaller of two sizes with as many votes, because it is the cheaper one to try.
        guard let best = votes.min(by: { ($1.value, $0.key) < ($0.value, $1.key) })?.key else {
            return current
        }
        return current?.byteCount == best ? current : Attempt(byteCount: best)
    }

    // MARK: Serving

    /// Two passes over the metadata for each peer, and no more: one that shared the blame with a liar
    /// is asked for all of it again.
    private mutating func answer(_ block: Int, to key: PeerKey) {
        guard var peer = peers[key] else { return }
        defer { peers[key] = peer }
        let size = MetadataMessage.blockByteCount
        if case .finished(let bytes, isShared: true) = state, block * size < bytes.count,
            peer.servedCount < 2 * ((bytes.count + size - 1) / size)
        {
            peer.servedCount += 1
            let payload = Array(bytes[block * size..<min((block + 1) * size, bytes.count)])
            actions.append(
                .send(
                    .data(block: block, totalByteCount: bytes.count, payload: payload),
                    to: key
                )
            )
        } else {
            guard peer.rejectedCount < limits.rejectCount else { return }
            peer.rejectedCount += 1
            actions.append(.send(.reject(block: block), to: key))
        }
    }
}
