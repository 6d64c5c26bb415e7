import BitTorrentProtocol
import NIOCore
import Synchronization
import VirtualTree

/// A tree whose files hold what the test has let them hold.
final class FakeTree: VirtualTree {
    let top = FakeDirectory(id: FileID(kind: .root), fileid: 1, parent: nil)
    private let nodes = Mutex<[FileID: VirtualNode]>([:])

    var root: any VirtualDirectory { top }
    var usage: TreeUsage { TreeUsage(totalBytes: .max, cachedBytes: 5, fileCount: 7) }

    init() {
        nodes.withLock { $0[top.id] = .directory(top) }
    }

    func node(_ id: FileID) -> VirtualNode? { nodes.withLock { $0[id] } }

    func path(ofFile id: FileID) -> [[UInt8]]? {
        var path: [[UInt8]]?
        _ = top.forEachEntry(after: 0) { route, entry in
            guard case .directory(let directory) = node(entry.id) else { return true }
            let route = [UInt8](route)
            return directory.forEachEntry(after: 0) { name, file in
                if file.id == id { path = [route, [UInt8](name)] }
                return path == nil
            }
        }
        return path
    }

    func forget(_ id: FileID) { nodes.withLock { $0[id] = nil } }

    func addDirectory(_ name: String, route: UInt32) -> FakeDirectory {
        let directory = FakeDirectory(
            id: FileID(kind: .route, route: route),
            fileid: UInt64(route) + 100,
            parent: top
        )
        nodes.withLock { $0[directory.id] = .directory(directory) }
        top.add(Array(name.utf8), .directory(directory))
        return directory
    }

    @discardableResult
    func addFile(
        _ name: [UInt8],
        index: UInt32,
        bytes: [UInt8],
        verified: Int? = nil,
        claimedSize: UInt64? = nil,
        to directory: FakeDirectory
    ) -> FakeFile {
        let id = FileID(
            kind: .torrentFile,
            route: 1,
            infoHash: InfoHash(bytes: 0..<20),
            index: index
        )
        let file = FakeFile(
            id: id,
            fileid: UInt64(index) + 1000,
            bytes: bytes,
            verified: verified ?? bytes.count,
            claimedSize: claimedSize
        )
        nodes.withLock { $0[id] = .file(file) }
        directory.add(name, .file(file))
        return file
    }
}

final class FakeDirectory: VirtualDirectory {
    let id: FileID
    let fileid: UInt64
    private typealias Entry = (cookie: UInt64, name: [UInt8], node: VirtualNode)
    private let above: FakeDirectory?
    private struct Content {
        var next: UInt64 = 3
        var list: [Entry] = []
        var changes: UInt32 = 0
        var listings = 0
    }

    private let entries = Mutex(Content())

    init(id: FileID, fileid: UInt64, parent: FakeDirectory?) {
        self.id = id
        self.fileid = fileid
        above = parent
    }

    var parent: any VirtualDirectory { above ?? self }
    var attributes: FileAttributes {
        FileAttributes(
            kind: .directory,
            fileid: fileid,
            size: 4096,
            mode: 0o555,
            linkCount: 2,
            modified: .init(
                seconds: 1_700_000_000,
                nanoseconds: entries.withLock(\.changes)
            )
        )
    }
    /// How often it was gone through.
    var listingCount: Int { entries.withLock(\.listings) }

    func entry(named name: [UInt8]) -> VirtualNode? {
        entries.withLock { $0.list.first { $0.name == name }?.node }
    }

    func forEachEntry(
        after cookie: UInt64,
        _ body: (_ name: Span<UInt8>, DirectoryEntry) -> Bool
    ) -> Bool {
        entries.withLock { content in
            content.listings += 1
            return content.list
        }.drop { $0.cookie <= cookie }.allSatisfy { entry in
            let name = entry.name
            return body(
                name.span,
                DirectoryEntry(
                    cookie: entry.cookie,
                    id: entry.node.id,
                    attributes: entry.node.attributes
                )
            )
        }
    }

    func add(_ name: [UInt8], _ node: VirtualNode) {
        entries.withLock {
            $0.list.append((cookie: $0.next, name: name, node: node))
            $0.next += 1
            $0.changes += 1
        }
    }

    func remove(_ name: [UInt8]) {
        entries.withLock {
            $0.list.removeAll { $0.name == name }
            $0.changes += 1
        }
    }
}

final class FakeFile: VirtualFile {
    private struct State {
        var verified: Int
        var waits: [FileWait: (Range<UInt64>, @Sendable (FileAvailability) -> Void)] = [:]
        var startedWaits: UInt64 = 0
        var reads = 0
        var served = 0
        var readsLater = false
        var error: FileReadError?
        /// Where the error begins.
        var errorOffset: UInt64 = 0
        var isEvictedByRead = false
        var holds = 0
        var departures: [UInt64] = []
    }

    let id: FileID
    let bytes: [UInt8]
    private let fileid: UInt64
    private let buffer: ByteBuffer
    private let size: UInt64
    private let state: Mutex<State>

    /// - Parameter claimedSize: where that is not the number of bytes.
    init(
        id: FileID,
        fileid: UInt64,
        bytes: [UInt8],
        verified: Int,
        claimedSize: UInt64? = nil
    ) {
        self.id = id
        self.fileid = fileid
        self.bytes = bytes
        buffer = ByteBuffer(bytes: bytes)
        size = claimedSize ?? UInt64(bytes.count)
        state = Mutex(State(verified: verified))
    }

    var attributes: FileAttributes {
        FileAttributes(
            kind: .file,
            fileid: fileid,
            size: size,
            mode: 0o444,
            linkCount: 1,
            modified: .init(seconds: 1_600_000_000, nanoseconds: 5)
        )
    }
    var waitedFor: [Range<UInt64>] { state.withLock { $0.waits.values.map(\.0) } }
    var waitCount: Int { state.withLock { $0.waits.count } }
    /// Clients that read it no more.
    var departures: [UInt64] { state.withLock { $0.departures } }
    var startedWaits: UInt64 { state.withLock { $0.startedWaits } }
    var readCount: Int { state.withLock { $0.reads } }
    /// READs that are being sent part by part.
    var holdCount: Int { state.withLock { $0.holds } }
    /// READs whose bytes were asked for.
    var servedCount: Int { state.withLock { $0.served } }

    func verifiedPrefix(of range: Range<UInt64>) -> UInt64 {
        state.withLock { Self.prefix(of: range, $0.verified) }
    }

    func readIfCached(
        _ range: Range<UInt64>,
        into buffer: inout ByteBuffer
    ) throws(FileReadError) -> Bool {
        let (error, later) = state.withLock { state -> (FileReadError?, Bool) in
            state.served += 1
            if state.isEvictedByRead {
                state.isEvictedByRead = false
                state.verified = 0
                return (.notVerified, false)
            }
            return (range.lowerBound < state.errorOffset ? nil : state.error, state.readsLater)
        }
        if let error { throw error }
        guard let slice = self.buffer.getSlice(at: Int(range.lowerBound), length: range.count)
        else { throw .notVerified }
        guard !later else { return false }
        buffer.writeImmutableBuffer(slice)
        return true
    }

    func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(FileReadError) -> EventLoopFuture<ByteBuffer> {
        guard let slice = buffer.getSlice(at: Int(range.lowerBound), length: range.count) else {
            throw .notVerified
        }
        return MultiThreadedEventLoops.other(than: loop).submit { slice }.hop(to: loop)
    }

    func hold(_ range: Range<UInt64>) -> (any FileHold)? {
        state.withLock { $0.holds += 1 }
        return Hold { self.state.withLock { $0.holds -= 1 } }
    }

    private final class Hold: FileHold {
        private let end: @Sendable () -> Void
        init(_ end: @escaping @Sendable () -> Void) { self.end = end }
        deinit { end() }
    }

    func noteRead(_ range: Range<UInt64>, by client: UInt64) {
        state.withLock { $0.reads += 1 }
    }

    func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (FileAvailability) -> Void
    ) -> FileWait {
        let (token, prefix) = state.withLock { state in
            state.startedWaits += 1
            let token = FileWait(rawValue: state.startedWaits)
            state.waits[token] = (range, notify)
            return (token, Self.prefix(of: range, state.verified))
        }
        if prefix > 0 { notify(.verified(prefix)) }
        return token
    }

    func endWait(_ token: FileWait) {
        state.withLock { _ = $0.waits.removeValue(forKey: token) }
    }

    func explainWait(
        for range: Range<UInt64>,
        _ tell: @escaping @Sendable (FileWaitReason) -> Void
    ) { tell(.noPeers) }

    func noteLeft(by client: UInt64) { state.withLock { $0.departures.append(client) } }

    func verify(upTo count: Int) {
        tell { state, range in
            state.verified = count
            return .verified(Self.prefix(of: range, count))
        }
    }

    func end(_ availability: FileAvailability) {
        tell { _, _ in availability }
    }

    /// - Parameter offset: what lies before it can be read all the same.
    func failReads(_ error: FileReadError, from offset: UInt64 = 0) {
        state.withLock {
            $0.error = error
            $0.errorOffset = offset
        }
    }
    /// What the next READ is about to take is gone by then.
    func evictByNextRead() { state.withLock { $0.isEvictedByRead = true } }
    func readFromDisk() { state.withLock { $0.readsLater = true } }

    private func tell(_ news: (inout State, Range<UInt64>) -> FileAvailability) {
        let calls = state.withLock { state in
            state.waits.values.map { range, notify in (notify, news(&state, range)) }
        }
        if calls.isEmpty { state.withLock { _ = news(&$0, 0..<0) } }
        for (notify, availability) in calls { notify(availability) }
    }

    private static func prefix(of range: Range<UInt64>, _ verified: Int) -> UInt64 {
        let end = min(range.upperBound, UInt64(verified))
        return end > range.lowerBound ? end - range.lowerBound : 0
    }
}
