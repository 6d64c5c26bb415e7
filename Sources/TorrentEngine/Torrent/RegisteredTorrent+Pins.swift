import StateStore
import Synchronization

extension RegisteredTorrent {
    /// Which files are pinned, and by whom.
    struct Pins {
        var byRoute = PinnedFiles.nothing
        var byUser = PinnedFiles.nothing

        var all: PinnedFiles { byRoute.union(byUser) }
    }

    /// - Returns: false if the same files are pinned as before.
    func changePins(_ change: (inout Pins) -> Void) -> Bool {
        let (isNew, torrent) = state.withLock { state -> (Bool, Torrent?) in
            let before = state.pins.all
            change(&state.pins)
            guard state.pins.all != before else { return (false, nil) }
            guard case .warm(let torrent) = state.phase else { return (true, nil) }
            return (true, torrent)
        }
        torrent?.run { $0.pinsChanged() }
        return isNew
    }

    var pinned: PinnedFiles { state.withLock { $0.pins.all } }

    /// Something of it is pinned, and it is not known to be whole.
    var isWanted: Bool { pinned != .nothing && !traits.contains(.isComplete) }
}
