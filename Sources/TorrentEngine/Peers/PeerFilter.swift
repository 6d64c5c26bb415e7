import BitTorrentProtocol
import Synchronization
import TorrentLogic

/// The addresses that the user wants nothing to do with, as they stand: nobody there is dialled or
/// asked for anything, and nobody is let in or answered from there.
final class PeerFilter: Sendable {
    private let filter = Mutex<IPFilter?>(nil)
    private let replacements = Atomic<Int>(0)

    func replace(with new: IPFilter?) {
        filter.withLock { $0 = new }
        replacements.wrappingAdd(1, ordering: .releasing)
    }

    /// Another number for each list: what was allowed by one may not be by the next.
    var version: Int { replacements.load(ordering: .acquiring) }

    var isEmpty: Bool { filter.withLock { $0 == nil } }

    func allows(_ address: PeerAddress) -> Bool {
        // The ranges are searched outside of the lock.
        guard let ranges = filter.withLock({ $0 }) else { return true }
        return !ranges.contains(address)
    }
}
