import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import Synchronization
import TorrentLogic

/// The magnet links whose metadata has not come: a few are looked for at a time, all have their turn
/// again and again.
///
/// A link that waits for its turn is an info-hash here and a row of the store.
final class MagnetSearches: Sendable {
    private struct State {
        var turns: FairTurns<InfoHash>
        /// Those that are looked for.
        var fetches: [InfoHash: MagnetFetch] = [:]
        /// The second names of these, and the first name of each.
        var firstNames: [InfoHash: InfoHash] = [:]
        /// Where peers of the others may be found.
        var peers: [InfoHash: [PeerAddress]] = [:]
        var completion: Completion?
        var timer: (deadline: FairTurns<InfoHash>.Instant, task: Scheduled<Void>)?
        var isStopped = false
    }

    /// What becomes of metadata that has come.
    typealias Completion =
        @Sendable (Metainfo, StateStore.MagnetRecord, [PeerAddress]) async -> Void

    /// How long a link is looked for at least, if others wait.
    private static let turn = Duration.seconds(180)
    /// Until it is looked for again, doubled with every turn in vain.
    private static let pause = Duration.seconds(300)
    private static let maximumPause = Duration.seconds(6 * 3600)
    private static let maximumPeerCount = 32

    private let resources: SessionResources
    private let group: any EventLoopGroup
    private let loop: any EventLoop
    private let state: Mutex<State>

    init(resources: SessionResources, group: any EventLoopGroup) {
        self.resources = resources
        self.group = group
        loop = group.next()
        state = Mutex(
            State(
                turns: FairTurns(
                    places: resources.configuration.maximumMagnetSearches,
                    turn: Self.turn,
                    pause: Self.pause,
                    maximumPause: Self.maximumPause
                )
            )
        )
    }

    /// Links that are looked for, or wait for it.
    var infoHashes: [InfoHash] { state.withLock { $0.turns.keys } }

    func contains(_ name: InfoHash) -> Bool {
        state.withLock { $0.turns.contains($0.firstNames[name] ?? name) }
    }

    func fetch(of name: InfoHash) -> MagnetFetch? {
        state.withLock { $0.fetches[$0.firstNames[name] ?? name] }
    }

    /// Begins to look for metadata.
    ///
    /// - Parameter completion: called with what has come; it has to `remove` the link.
    func start(completion: @escaping Completion) {
        state.withLock { $0.completion = completion }
        advance()
    }

    /// Takes up links that are stored.
    func add(_ infoHashes: [InfoHash]) {
        state.withLock { state in
            for infoHash in infoHashes { state.turns.add(infoHash, now: .now) }
        }
        advance()
    }

    /// The link is not looked for any more.
    ///
    /// - Returns: who looks for it, and has to be stopped.
    func remove(_ infoHash: InfoHash) -> MagnetFetch? {
        let fetch = state.withLock { state in
            state.turns.remove(infoHash)
            state.peers[infoHash] = nil
            return Self.takeFetch(of: infoHash, from: &state)
        }
        advance()
        return fetch
    }

    /// Adds addresses where peers may be found.
    func found(_ addresses: [PeerAddress], of infoHash: InfoHash) async {
        let fetch = state.withLock { state -> MagnetFetch? in
            if let fetch = state.fetches[infoHash] { return fetch }
            guard state.turns.contains(infoHash) else { return nil }
            let known = state.peers[infoHash, default: []]
            state.peers[infoHash] = Array((addresses + known).prefix(Self.maximumPeerCount))
            return nil
        }
        await fetch?.found(addresses)
    }

    /// Ends all searches, for good.
    ///
    /// - Returns: who has to be stopped.
    func end() -> [MagnetFetch] {
        state.withLock { state in
            defer {
                state.fetches = [:]
                state.isStopped = true
                state.completion = nil
                state.timer?.task.cancel()
                state.timer = nil
            }
            return Array(state.fetches.values)
        }
    }

    // MARK: Turns

    /// Begins and ends the turns that are due.
    private func advance() {
        let (begun, ended) = state.withLock { state -> ([InfoHash], [MagnetFetch]) in
            guard !state.isStopped, state.completion != nil else { return ([], []) }
            var begun: [InfoHash] = []
            var ended: [MagnetFetch] = []
            for action in state.turns.advance(now: .now) {
                switch action {
                case .begin(let infoHash): begun.append(infoHash)
                case .end(let infoHash):
                    if let fetch = Self.takeFetch(of: infoHash, from: &state) {
                        ended.append(fetch)
                    }
                }
            }
            setTimer(&state)
            return (begun, ended)
        }
        for fetch in ended { Task { await fetch.stop() } }
        for infoHash in begun { begin(infoHash) }
    }

    private static func takeFetch(of infoHash: InfoHash, from state: inout State) -> MagnetFetch? {
        let fetch = state.fetches.removeValue(forKey: infoHash)
        for name in fetch?.swarmHashes.all ?? [] { state.firstNames[name] = nil }
        return fetch
    }

    private func setTimer(_ state: inout State) {
        let now = ContinuousClock.now
        let deadline = state.turns.nextDeadline(now: now)
        if let timer = state.timer, let deadline, timer.deadline <= deadline { return }
        state.timer?.task.cancel()
        state.timer = deadline.map { deadline in
            let delay = TimeAmount(max(.milliseconds(10), now.duration(to: deadline)))
            let task = loop.scheduleTask(in: delay) { [weak self] () -> Void in
                self?.timerFired()
            }
            return (deadline, task)
        }
    }

    private func timerFired() {
        state.withLock { $0.timer = nil }
        advance()
    }

    private func begin(_ infoHash: InfoHash) {
        let (resources, store) = (resources, resources.store)
        resources.pool.run(on: group.next()) { try store.magnet(infoHash) }
            .whenComplete { result in
                switch result {
                case .success(let record?): self.begin(record)
                // Removed meanwhile.
                case .success(nil): break
                case .failure(let error):
                    resources.logger.error(
                        "a magnet link cannot be read: \(error)",
                        metadata: ["torrent": "\(infoHash)"]
                    )
                }
            }
    }

    private func begin(_ record: StateStore.MagnetRecord) {
        let infoHash = record.infoHash
        guard let completion = state.withLock({ $0.completion }) else { return }
        let fetch = MagnetFetch(
            record.magnet,
            infoHash: infoHash,
            resources: resources,
            loop: group.next(),
            progress: { [weak self] in
                self?.state.withLock { $0.turns.progressed(infoHash, now: .now) }
            },
            completion: { metainfo, peers in
                await completion(metainfo, record, peers)
            }
        )
        let peers = state.withLock { state -> [PeerAddress]? in
            guard !state.isStopped, state.turns.isWorking(infoHash),
                state.fetches.updateValue(fetch, forKey: infoHash) == nil
            else { return nil }
            for name in fetch.swarmHashes.all where name != infoHash {
                state.firstNames[name] = infoHash
            }
            return state.peers.removeValue(forKey: infoHash) ?? []
        }
        guard let peers else { return }
        let named = record.magnet.peers.filter(resources.addresses.allows)
        Task { [resources] in
            await fetch.start(with: named + peers)
            await resources.findPeers(
                named: record.magnet.namedPeers,
                on: fetch.loop,
                logger: fetch.logger
            ) { await fetch.found($0) }
        }
    }
}
