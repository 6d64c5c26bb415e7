import Synchronization

/// How many READs wait for peers, of all connections.
final class WaitingReads: Sendable {
    private let limit: Int
    private let count = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    /// - Returns: whether there is room for one more, which then counts.
    func admit() -> Bool {
        guard count.add(1, ordering: .relaxed).newValue <= limit else {
            leave(1)
            return false
        }
        return true
    }

    func leave(_ number: Int) { count.subtract(number, ordering: .relaxed) }
}
