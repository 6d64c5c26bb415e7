import BitTorrentProtocol
import Synchronization
import TorrentLogic

/// The limits that all torrents of a session share.
///
/// They live on different event loops and ask here; without a limit nobody asks.
final class SharedBandwidth: Sendable {
    private struct State {
        var download: Bandwidth<InfoHash>
        var upload: Bandwidth<InfoHash>

        subscript(direction: TransferDirection) -> Bandwidth<InfoHash> {
            get { direction == .download ? download : upload }
            _modify {
                switch direction {
                case .download: yield &download
                case .upload: yield &upload
                }
            }
        }
    }

    private let state: Mutex<State>

    init(_ rates: TransferRates) {
        state = Mutex(
            State(
                download: Bandwidth(rate: rates.download, now: .now),
                upload: Bandwidth(rate: rates.upload, now: .now)
            )
        )
    }

    func setRates(_ rates: TransferRates) {
        state.withLock { state in
            for direction in TransferDirection.allCases {
                state[direction].setRate(rates[direction], now: .now)
            }
        }
    }

    func isLimited(_ direction: TransferDirection) -> Bool {
        state.withLock { $0[direction].isLimited }
    }

    func grant(
        _ need: TransferNeed,
        _ direction: TransferDirection,
        to torrent: InfoHash,
        now: ContinuousClock.Instant
    ) -> Int {
        state.withLock { $0[direction].grant(need, to: torrent, now: now) }
    }

    func giveBack(_ byteCount: Int, _ direction: TransferDirection) {
        state.withLock { $0[direction].giveBack(byteCount) }
    }

    /// The torrent is gone.
    func leave(_ torrent: InfoHash) {
        state.withLock { state in
            state.download.leave(torrent)
            state.upload.leave(torrent)
        }
    }
}
