import Synchronization

extension RegisteredTorrent {
    /// Of what is fetched in the background these files alone are (BEP 53), or (`nil`) all.
    ///
    /// - Parameter files: their numbers in the metainfo, ascending and apart.
    func select(_ files: [ClosedRange<Int>]?) {
        let torrent = state.withLock { state -> Torrent? in
            guard state.selection != files else { return nil }
            state.selection = files
            guard case .warm(let torrent) = state.phase else { return nil }
            return torrent
        }
        torrent?.run { $0.select(files) }
    }
}
