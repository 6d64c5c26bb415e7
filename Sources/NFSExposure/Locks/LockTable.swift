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

    /// What is known of a host.
    private struct HostRecord {
        let state: UInt32
        /// Locks that it holds on each file.
        var locks: [FileID: Int] = [:]
    }

    static let maximumLocks = 16_384
    static let maximumLocksOfFile = 1024
    /// A quarter of all: one client alone cannot keep the others from locking.
    static let maximumLocksOfAddress = 4096
    private static let maximumHosts = 1024
    /// Names that one address may call itself by.
    static let maximumHostsOfAddress = 256

    private var files: [FileID: [Lock]] = [:]
    private(set) var count = 0
    private var hosts: [Host: HostRecord] = [:]
    private var countOfAddress: [IPAddress: Int] = [:]

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
            countOfAddress[lock.owner.host.address, default: 0] + 2 <= Self.maximumLocksOfAddress,
            hosts[lock.owner.host] != nil
        else { return .full }
        remove(lock.range, of: lock.owner, from: file)
        files[file, default: []].append(lock)
        tally(lock.owner.host, on: file, by: 1)
        return .granted
    }

    mutating func unlock(_ range: Range<UInt64>, of owner: Owner, on file: FileID) {
        remove(range, of: owner, from: file)
    }

    /// The host was started again, or takes leave.
    mutating func freeAll(of host: Host) {
        for file in hosts[host]?.locks.keys.map(\.self) ?? [] {
            let (own, others) = split(on: file) { $0.owner.host == host }
            files[file] = others.isEmpty ? nil : others
            tally(host, on: file, by: -own.count)
        }
        hosts[host] = nil
    }

    private mutating func hear(_ state: UInt32, of host: Host) {
        if let known = hosts[host]?.state, known != state { freeAll(of: host) }
        guard hosts[host] == nil else { return }
        if !hasRoom(for: host) { hosts = hosts.filter { !$0.value.locks.isEmpty } }
        if hasRoom(for: host) { hosts[host] = HostRecord(state: state) }
    }

    private func hasRoom(for host: Host) -> Bool {
        hosts.count < Self.maximumHosts
            && hosts.keys.count { $0.address == host.address } < Self.maximumHostsOfAddress
    }

    /// Where there is no room for the two rests of a lock that is cut, the owner loses them.
    private mutating func remove(_ range: Range<UInt64>, of owner: Owner, from file: FileID) {
        let (touched, others) = split(on: file) { $0.owner == owner && $0.range.overlaps(range) }
        if touched.isEmpty { return }
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
        let kept = others + (hasRoom ? rests : [])
        files[file] = kept.isEmpty ? nil : kept
        tally(owner.host, on: file, by: kept.count - others.count - touched.count)
    }

    private func split(
        on file: FileID,
        _ belongs: (Lock) -> Bool
    ) -> (those: [Lock], others: [Lock]) {
        (files[file] ?? []).reduce(into: ([], [])) { parts, lock in
            if belongs(lock) { parts.0.append(lock) } else { parts.1.append(lock) }
        }
    }

    /// Counts locks of a host that come or go.
    private mutating func tally(_ host: Host, on file: FileID, by change: Int) {
        count += change
        let ofAddress = countOfAddress[host.address, default: 0] + change
        countOfAddress[host.address] = ofAddress == 0 ? nil : ofAddress
        let onFile = (hosts[host]?.locks[file] ?? 0) + change
        hosts[host]?.locks[file] = onFile == 0 ? nil : onFile
    }
}
