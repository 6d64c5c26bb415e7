import BitTorrentProtocol
import NIOCore
import Synchronization
import TorrentLogic

/// The pinned torrents that are not whole: a few are fetched at a time, in turns.
final class PinnedTorrents: Sendable {
    private struct State {
        var turns: FairTurns<InfoHash>
        var torrents: [InfoHash: RegisteredTorrent] = [:]
        var timer: Scheduled<Void>?
        /// Between the start and the end of the session.
        var isRunning = false
    }

    /// How long a torrent is fetched at least, if others wait and no piece of it comes.
    private static let turn = Duration.seconds(600)
    private static let pause = Duration.seconds(600)
    private static let maximumPause = Duration.seconds(6 * 3600)

    private let loop: any EventLoop
    private let state: Mutex<State>

    init(_ configuration: SessionConfiguration, loop: any EventLoop) {
        self.loop = loop
        state = Mutex(
            State(
                turns: FairTurns(
                    places: configuration.maximumPinnedDownloads,
                    turn: Self.turn,
                    pause: Self.pause,
                    maximumPause: Self.maximumPause
                )
            )
        )
    }

    func start() {
        state.withLock { $0.isRunning = true }
        advance()
    }

    func end() {
        state.withLock { state in
            state.isRunning = false
            state.torrents = [:]
            state.timer?.cancel()
        }
    }

    func add(_ torrents: [RegisteredTorrent]) {
        guard !torrents.isEmpty else { return }
        state.withLock { state in
            for torrent in torrents {
                state.torrents[torrent.infoHash] = torrent
                state.turns.add(torrent.infoHash, now: .now)
            }
        }
        advance()
    }

    /// The torrent is whole, gone, or pinned no longer.
    func remove(_ infoHash: InfoHash) {
        let torrent = state.withLock { state in
            state.turns.remove(infoHash)
            return state.torrents.removeValue(forKey: infoHash)
        }
        guard let torrent else { return }
        torrent.set(.isFetchedWhole, false)
        advance()
    }

    /// A piece of it has come.
    func progressed(_ infoHash: InfoHash) {
        state.withLock { $0.turns.progressed(infoHash, now: .now) }
    }

    private func advance() {
        var begun: [RegisteredTorrent] = []
        var ended: [RegisteredTorrent] = []
        state.withLock { state in
            guard state.isRunning else { return }
            let now = ContinuousClock.now
            for action in state.turns.advance(now: now) {
                switch action {
                case .begin(let infoHash): state.torrents[infoHash].map { begun.append($0) }
                case .end(let infoHash): state.torrents[infoHash].map { ended.append($0) }
                }
            }
            state.timer?.cancel()
            state.timer = state.turns.nextDeadline(now: now).map { deadline in
                let delay = TimeAmount(max(.milliseconds(10), now.duration(to: deadline)))
                return loop.scheduleTask(in: delay) { [weak self] () -> Void in self?.advance() }
            }
        }
        for torrent in ended { torrent.set(.isFetchedWhole, false) }
        for torrent in begun {
            torrent.set(.isFetchedWhole, true)
            Task { _ = await torrent.warmed() }
        }
    }
}
