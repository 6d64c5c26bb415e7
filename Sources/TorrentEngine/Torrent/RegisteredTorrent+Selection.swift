import Synchronization

extension RegisteredTorrent {
    /// Of what is fetched in the background these files alone are (BEP 53), or (`nil`) all.
    ///
    /// - Parameter files: their numbers in the metainfo, ascending.
    /// - Returns: false if they were selected already.
    func select(_ files: [ClosedRange<Int>]?) -> Bool {
        let (isNew, torrent) = state.withLock { state -> (Bool, Torrent?) in
            guard state.selection != files else { return (false, nil) }
            state.selection = files
            guard case .warm(let torrent) = state.phase else { return (true, nil) }
            return (true, torrent)
        }
        torrent?.run { $0.select(files) }
        return isNew
    }

    /// The files that are pinned, if not all are.
    var selection: [ClosedRange<Int>]? { state.withLock { $0.selection } }
}
