import Logging
import Synchronization
import VirtualTree

/// What all connections share: the tree, the exports, the key of the handles.
///
/// Safe on any thread.
final class NFSService: Sendable {
    let tree: any VirtualTree
    let handles: FileHandleCodec
    let limits: NFSLimits
    let logger: Logger
    /// COMMIT's answer: another one after each start, as RFC 1813 section 3.3.21 wants it.
    let writeVerifier: UInt64

    let waitingReads: WaitingReads
    /// Bytes in memory that clients do not take.
    private let heldBytes = Atomic<Int>(0)
    let clients = ClientTable()
    let clientNames: ClientNames
    let equivalentNames = EquivalentNames()

    private let published: Mutex<ExportTable>
    private let generation = Atomic<Int>(0)
    private let mountLog: Mutex<MountLog>
    private let locks = Mutex(LockTable())
    private let abuse = Mutex(LogLimiter())
    private let refusals = Mutex(LogLimiter())
    private let longWaits = Mutex(LogLimiter())
    private let failures = Mutex(LogLimiter())
    private let mounts = Mutex(LogLimiter(limit: 60))

    init(
        tree: any VirtualTree,
        handles: FileHandleCodec,
        exports: ExportTable,
        clientNames: ClientNames,
        limits: NFSLimits,
        logger: Logger
    ) {
        self.tree = tree
        self.handles = handles
        self.clientNames = clientNames
        self.limits = limits
        self.logger = logger
        waitingReads = WaitingReads(limit: limits.allWaitingReads)
        writeVerifier = UInt64.random(in: 1...UInt64.max)
        published = Mutex(exports)
        mountLog = Mutex(MountLog(limit: limits.mountRecords))
    }

    var exports: ExportTable { published.withLock { $0 } }

    /// Changes with every ``publish(_:)``; cheap enough to be read for each call.
    var exportsGeneration: Int { generation.load(ordering: .acquiring) }

    func publish(_ exports: ExportTable) {
        published.withLock { $0 = exports }
        generation.add(1, ordering: .releasing)
    }

    func hold(_ byteCount: Int) { heldBytes.add(byteCount, ordering: .relaxed) }
    func release(_ byteCount: Int) { heldBytes.subtract(byteCount, ordering: .relaxed) }

    /// Clients leave so much untaken that everybody takes less from the cache at a time.
    var isCrowded: Bool { heldBytes.load(ordering: .relaxed) > limits.heldBytes }

    /// Bytes of a READ that are taken from the page cache at a time.
    func chunkByteCount(for caller: Caller) -> Int {
        if isCrowded { return limits.chunkByteCount.crowded }
        let counts = limits.chunkByteCount
        return caller.address.isLoopback ? counts.local : counts.usual
    }

    func withMountLog<T: Sendable>(_ body: (inout MountLog) -> T) -> T {
        mountLog.withLock { body(&$0) }
    }

    func withLocks<T: Sendable>(_ body: (inout LockTable) -> T) -> T {
        locks.withLock { body(&$0) }
    }

    /// Logs that a peer sent what no client sends, unless too many such lines were written.
    func reportAbuse(_ what: String, from peer: IPAddress) {
        guard let suppressed = abuse.withLock({ $0.admit(now: .now) }) else { return }
        log(.warning, what, ["peer": "\(peer)"], suppressed: suppressed)
    }

    /// Logs that a client did not get what it asked for, unless too many did not; no abuse hides it.
    func reportRefusal(_ what: String, metadata: Logger.Metadata) {
        guard let suppressed = refusals.withLock({ $0.admit(now: .now) }) else { return }
        log(.warning, what, metadata, suppressed: suppressed)
    }

    func reportMount(of path: String, export: Export, by peer: IPAddress) {
        guard let suppressed = mounts.withLock({ $0.admit(now: .now) }) else { return }
        log(
            .info,
            "mounted",
            ["peer": "\(peer)", "path": "\(path)", "export": "\(export.path)"],
            suppressed: suppressed
        )
    }

    /// Logs that a READ waits, and why; a client that reads ahead has many that do.
    func reportWait(of read: ReadCall, from peer: IPAddress) {
        guard let suppressed = longWaits.withLock({ $0.admit(now: .now) }) else { return }
        read.file.explainWait(for: read.range) { reason in
            self.log(
                .info,
                "a read waits: \(reason.text)",
                [
                    "peer": "\(peer)", "file": "\(self.path(of: read.file.id))",
                    "range": "\(read.range)",
                ],
                suppressed: suppressed
            )
        }
    }

    /// Logs that bytes of a file cannot be read; a disk that fails does so for every READ.
    func reportFailure(of read: ReadCall, _ what: String, _ error: String) {
        guard let suppressed = failures.withLock({ $0.admit(now: .now) }) else { return }
        log(
            .error,
            what,
            ["file": "\(path(of: read.file.id))", "error": "\(error)"],
            suppressed: suppressed
        )
    }

    private func log(
        _ level: Logger.Level,
        _ what: String,
        _ metadata: Logger.Metadata,
        suppressed: Int
    ) {
        var metadata = metadata
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        logger.log(level: level, "\(what)", metadata: metadata)
    }

    /// A file for people: by its path from the root of the share, or by its identity if it is gone.
    func path(of id: FileID) -> String {
        guard let names = tree.path(ofFile: id) else { return "\(id)" }
        return names.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
    }

    /// The directory that an export shows; `nil` while the tree has none there.
    func rootDirectory(of export: Export) -> (any VirtualDirectory)? {
        directory(at: export.components)
    }

    /// Follows names from the tree's root.
    func directory(at components: [[UInt8]]) -> (any VirtualDirectory)? {
        guard case .directory(let directory) = node(at: components) else { return nil }
        return directory
    }

    func node(at components: [[UInt8]]) -> VirtualNode? {
        var node = VirtualNode.directory(tree.root)
        for name in components {
            guard case .directory(let directory) = node, let next = directory.entry(named: name)
            else { return nil }
            node = next
        }
        return node
    }
}

/// Who mounted what, for DUMP.
///
/// A courtesy: clients come and go without telling.
struct MountLog {
    struct Record: Hashable {
        let host: String
        let path: String
    }

    private(set) var records: [Record] = []
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    mutating func add(host: String, path: String) {
        let record = Record(host: host, path: path)
        records.removeAll { $0 == record }
        if records.count >= limit { records.removeFirst() }
        records.append(record)
    }

    func hasMounts(host: String) -> Bool { records.contains { $0.host == host } }

    mutating func remove(host: String, path: String) {
        records.removeAll { $0 == Record(host: host, path: path) }
    }

    mutating func removeAll(host: String) {
        records.removeAll { $0.host == host }
    }
}
