import VirtualTree

/// The advisory locks that clients hold: POSIX semantics, bounded, in memory alone.
///
/// A client that vanishes keeps its locks until it comes back with another state, which it has
/// after each of its starts. After a restart of the server there are none, and whoever says that
/// it held one before is believed.
struct LockTable: Sendable {
    /// Where a host calls from and what it calls itself.
    struct Host: Hashable, Sendable {
        let address: IPAddress
        let name: [UInt8]
    }

    struct Owner: Hashable, Sendable {
        let host: Host
        /// Opaque, and the process: together they name the owner on its host.
        let key: [UInt8]
        let process: UInt32
    }

    struct Lock: Equatable, Sendable {
        let owner: Owner
        let isExclusive: Bool
        let range: Range<UInt64>
    }

    enum Outcome: Equatable, Sendable {
        case granted
        case conflict(Lock)
        /// The table is full.
        case full
    }

    static let maximumLocks = 16_384
    static let maximumLocksOfFile = 1024
    private static let maximumHosts = 1024

    private var files: [FileID: [Lock]] = [:]
    private(set) var count = 0
    private var states: [Host: UInt32] = [:]

    /// The range of a lock: `length` 0 is all that follows, as is one that would end behind 2^64.
    static func range(offset: UInt64, length: UInt64) -> Range<UInt64> {
        let (end, overflows) = offset.addingReportingOverflow(length)
        return offset..<(length == 0 || overflows ? UInt64.max : end)
    }

    /// The lock of another that keeps this one from being granted.
    func conflict(with lock: Lock, on file: FileID) -> Lock? {
        files[file]?.first {
            $0.owner != lock.owner && ($0.isExclusive || lock.isExclusive)
                && $0.range.overlaps(lock.range)
        }
    }

    /// Takes the place of what the owner holds of the range, be it shared or exclusive.
    ///
    /// - Parameter state: of the owner's host; another one than before frees what it held.
    mutating func lock(_ lock: Lock, on file: FileID, state: UInt32) -> Outcome {
        hear(state, of: lock.owner.host)
        if let conflict = conflict(with: lock, on: file) { return .conflict(conflict) }
        guard !lock.range.isEmpty else { return .granted }
        // Cutting a range out of the middle of another makes one more.
        guard count + 2 <= Self.maximumLocks,
            (files[file]?.count ?? 0) + 2 <= Self.maximumLocksOfFile,
            states[lock.owner.host] != nil
        else { return .full }
        remove(lock.range, of: lock.owner, from: file)
        files[file, default: []].append(lock)
        count += 1
        return .granted
    }

    mutating func unlock(_ range: Range<UInt64>, of owner: Owner, on file: FileID) {
        remove(range, of: owner, from: file)
    }

    /// The host was started again, or takes leave.
    mutating func freeAll(of host: Host) {
        for (file, locks) in files {
            let kept = locks.filter { $0.owner.host != host }
            set(kept, on: file)
        }
        states[host] = nil
    }

    private mutating func hear(_ state: UInt32, of host: Host) {
        if let known = states[host], known != state { freeAll(of: host) }
        if states[host] == nil {
            guard states.count < Self.maximumHosts || forgetIdleHosts() else { return }
            states[host] = state
        }
    }

    /// - Returns: whether there is room now.
    private mutating func forgetIdleHosts() -> Bool {
        let holders = Set(files.values.flatMap { $0.map(\.owner.host) })
        states = states.filter { holders.contains($0.key) }
        return states.count < Self.maximumHosts
    }

    /// Where there is no room for the two rests of a lock that is cut, the owner loses them.
    private mutating func remove(_ range: Range<UInt64>, of owner: Owner, from file: FileID) {
        guard let locks = files[file] else { return }
        let (touched, others) = locks.reduce(into: ([Lock](), [Lock]())) { parts, lock in
            if lock.owner == owner, lock.range.overlaps(range) {
                parts.0.append(lock)
            } else {
                parts.1.append(lock)
            }
        }
        let rests = touched.flatMap { lock in
            [
                lock.range.lowerBound..<max(lock.range.lowerBound, range.lowerBound),
                min(lock.range.upperBound, range.upperBound)..<lock.range.upperBound,
            ].filter { !$0.isEmpty }.map {
                Lock(owner: owner, isExclusive: lock.isExclusive, range: $0)
            }
        }
        let hasRoom =
            others.count + rests.count <= Self.maximumLocksOfFile
            && count - touched.count + rests.count <= Self.maximumLocks
        set(hasRoom ? others + rests : others, on: file)
    }

    private mutating func set(_ locks: [Lock], on file: FileID) {
        count += locks.count - (files[file]?.count ?? 0)
        files[file] = locks.isEmpty ? nil : locks
    }
}
