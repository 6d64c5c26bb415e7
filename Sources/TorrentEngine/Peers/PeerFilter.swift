import BitTorrentProtocol
import Synchronization
import TorrentLogic

/// The addresses that the user wants nothing to do with, as they stand: nobody there is dialled, and
/// nobody is let in from there.
final class PeerFilter: Sendable {
    private let filter = Mutex<IPFilter?>(nil)

    func replace(with new: IPFilter?) { filter.withLock { $0 = new } }

    func allows(_ address: PeerAddress) -> Bool {
        // The ranges are searched outside of the lock.
        guard let ranges = filter.withLock({ $0 }) else { return true }
        return !ranges.contains(address)
    }
}
