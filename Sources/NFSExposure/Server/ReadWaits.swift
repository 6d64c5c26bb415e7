import VirtualTree

/// The READs of one connection that wait for peers.
struct ReadWaits {
    /// What makes two calls the same call: a retransmission has all of it.
    private struct Key: Hashable {
        let xid: UInt32
        let fileID: FileID
        let exportID: UInt32
        let range: Range<UInt64>
    }

    /// Names one wait.
    ///
    /// Never used twice, so that news which come late find nothing.
    struct ID: Hashable {
        fileprivate let serial: UInt64
    }

    struct Waiting {
        let read: ReadCall
        fileprivate var wait: ReadWait
        fileprivate var token: FileWait?

        func end() {
            if let token { read.file.endWait(token) }
        }
    }

    enum Insertion {
        case inserted(ID)
        /// The same call waits already; one reply answers both.
        case duplicate
        case full
    }

    private let limit: Int
    private let total: WaitingReads
    private var waiting: [ID: Waiting] = [:]
    private var known: Set<Key> = []
    private var nextSerial: UInt64 = 0

    /// - Parameters:
    ///   - limit: of this connection.
    ///   - total: those of all connections.
    init(limit: Int, total: WaitingReads) {
        self.limit = limit
        self.total = total
    }

    mutating func insert(_ read: ReadCall, _ wait: ReadWait) -> Insertion {
        let key = key(of: read)
        if known.contains(key) { return .duplicate }
        guard waiting.count < limit, total.admit() else { return .full }
        known.insert(key)
        let id = ID(serial: nextSerial)
        nextSerial += 1
        waiting[id] = Waiting(read: read, wait: wait)
        return .inserted(id)
    }

    mutating func setToken(_ token: FileWait, of id: ID) {
        waiting[id]?.token = token
    }

    /// - Returns: what to do, and for which READ; `nil` if it waits no more. A READ that is
    ///   answered has left the table.
    mutating func handle(
        _ event: ReadWait.Event,
        of id: ID,
        now: ContinuousClock.Instant
    ) -> (ReadWait.Action, ReadCall)? {
        guard let action = waiting[id]?.wait.handle(event, now: now), let entry = waiting[id]
        else { return nil }
        switch action {
        case .wait, .report: break
        case .answer, .tryLater, .stale, .fail:
            waiting[id] = nil
            known.remove(key(of: entry.read))
            total.leave(1)
            entry.end()
        }
        return (action, entry.read)
    }

    mutating func handleTimer(now: ContinuousClock.Instant) -> [(ReadWait.Action, ReadCall)] {
        let due = waiting.filter { ($0.value.wait.deadline ?? now) <= now }
        // In order of arrival.
        return due.keys.sorted { $0.serial < $1.serial }.compactMap {
            handle(.timer, of: $0, now: now)
        }
    }

    /// All of them, with the moments at which they came.
    var arrivals: [(read: ReadCall, since: ContinuousClock.Instant)] {
        waiting.values.map { ($0.read, $0.wait.arrival) }
    }

    func deadline(of id: ID) -> ContinuousClock.Instant? {
        waiting[id]?.wait.deadline
    }

    var earliestDeadline: ContinuousClock.Instant? {
        waiting.values.lazy.compactMap { $0.wait.deadline }.min()
    }

    mutating func removeAll() -> [Waiting] {
        defer {
            total.leave(waiting.count)
            waiting.removeAll()
            known.removeAll()
        }
        return Array(waiting.values)
    }

    private func key(of read: ReadCall) -> Key {
        Key(
            xid: read.xid,
            fileID: read.file.id,
            exportID: read.access.export.id,
            range: read.range
        )
    }
}
