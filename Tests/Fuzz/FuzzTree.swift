import BitTorrentProtocol
import NIOCore
import Synchronization
import VirtualTree

/// A tree that has whatever a handle may name.
///
/// Any route, any torrent, directories and files of every number; each directory lists the same names.
final class FuzzTree: VirtualTree {
    fileprivate struct Waits {
        var next: UInt64 = 0
        var waiting: [UInt64: @Sendable (FileAvailability) -> Void] = [:]
        var order: [UInt64] = []
    }

    fileprivate static let names: [[UInt8]] =
        (["films", "empty", "film 0.mkv", "film 1.mkv", "Ame\u{301}lie.mkv"]
        + (0..<60).map { "entry \($0)" }).map { Array($0.utf8) }

    fileprivate let waits = Mutex(Waits())

    var root: any VirtualDirectory { FuzzDirectory(id: FileID(kind: .root), tree: self) }
    var usage: TreeUsage { TreeUsage(totalBytes: .max, cachedBytes: 1 << 30, fileCount: 1 << 20) }

    func node(_ id: FileID) -> VirtualNode? {
        guard id.member == 0, id.index < 1000 else { return nil }
        switch id.kind {
        case .torrentFile: return .file(FuzzFile(id: id, tree: self))
        case .root, .route, .torrentDirectory: return .directory(FuzzDirectory(id: id, tree: self))
        }
    }

    func path(ofFile id: FileID) -> [[UInt8]]? { Self.names.prefix(2) + [Self.names[2]] }

    /// Tells the readers that have waited longest, until `count` are left.
    func endWaits(leaving count: Int, with news: FileAvailability) {
        let ended = waits.withLock { waits in
            var ended: [@Sendable (FileAvailability) -> Void] = []
            while waits.waiting.count > count, !waits.order.isEmpty {
                if let notify = waits.waiting.removeValue(forKey: waits.order.removeFirst()) {
                    ended.append(notify)
                }
            }
            if waits.waiting.isEmpty { waits.order = [] }
            return ended
        }
        for notify in ended { notify(news) }
    }
}

private struct FuzzDirectory: VirtualDirectory {
    let id: FileID
    let tree: FuzzTree

    var parent: any VirtualDirectory { FuzzDirectory(id: FileID(kind: .root), tree: tree) }
    var attributes: FileAttributes {
        FileAttributes(
            kind: .directory,
            fileid: id.fileid,
            size: 4096,
            mode: 0o555,
            linkCount: 2,
            modified: .init(seconds: 1_700_000_000)
        )
    }

    func entry(named name: [UInt8]) -> VirtualNode? {
        FuzzTree.names.firstIndex(of: name).map(child)
    }

    func forEachEntry(
        after cookie: UInt64,
        _ body: (_ name: Span<UInt8>, DirectoryEntry) -> Bool
    ) -> Bool {
        let first = Int(min(cookie, 1 << 20)) - 2
        return FuzzTree.names.indices.dropFirst(max(0, first)).allSatisfy { place in
            let child = child(place)
            let name = FuzzTree.names[place]
            return body(
                name.span,
                DirectoryEntry(
                    cookie: UInt64(place) + 3,
                    id: child.id,
                    attributes: child.attributes
                )
            )
        }
    }

    /// Directories first.
    private func child(_ place: Int) -> VirtualNode {
        let kind: FileID.Kind =
            place >= 2 ? .torrentFile : id.kind == .root ? .route : .torrentDirectory
        let child = FileID(
            kind: kind,
            route: 7,
            infoHash: kind == .route ? nil : InfoHash(bytes: 0..<20),
            index: kind == .route ? 0 : UInt32(place)
        )
        if kind == .torrentFile { return .file(FuzzFile(id: child, tree: tree)) }
        return .directory(FuzzDirectory(id: child, tree: tree))
    }
}

private final class FuzzHold: FileHold {}

/// All of its bytes are there, or half of what is asked for, or none; or the disk fails.
private struct FuzzFile: VirtualFile {
    private static let bytes = ByteBuffer(repeating: 0x5A, count: 40_000)

    let id: FileID
    let tree: FuzzTree

    var attributes: FileAttributes {
        FileAttributes(
            kind: .file,
            fileid: id.fileid,
            size: UInt64(Self.bytes.readableBytes),
            mode: 0o444,
            linkCount: 1,
            modified: .init(seconds: 1_600_000_000)
        )
    }

    func verifiedPrefix(of range: Range<UInt64>) -> UInt64 {
        switch id.index % 4 {
        case 0, 1: UInt64(range.count)
        case 2: UInt64(range.count / 2)
        default: 0
        }
    }

    func readIfCached(
        _ range: Range<UInt64>,
        into buffer: inout ByteBuffer
    ) throws(FileReadError) -> Bool {
        if id.index % 8 == 0 { return false }
        guard id.index % 16 != 1, var slice = slice(range) else { throw .storage("none") }
        buffer.writeBuffer(&slice)
        return true
    }

    func read(
        _ range: Range<UInt64>,
        on loop: any EventLoop
    ) throws(FileReadError) -> EventLoopFuture<ByteBuffer> {
        guard let slice = slice(range) else { throw .notVerified }
        return loop.submit { slice }
    }

    func hold(_ range: Range<UInt64>) -> (any FileHold)? {
        id.index % 32 == 2 ? nil : FuzzHold()
    }

    private func slice(_ range: Range<UInt64>) -> ByteBuffer? {
        Self.bytes.getSlice(at: Int(range.lowerBound), length: range.count)
    }

    func noteRead(_ range: Range<UInt64>, by client: UInt64) {}
    func noteLeft(by client: UInt64) {}

    func wait(
        for range: Range<UInt64>,
        notify: @escaping @Sendable (FileAvailability) -> Void
    ) -> FileWait {
        tree.waits.withLock { waits in
            waits.next += 1
            waits.waiting[waits.next] = notify
            waits.order.append(waits.next)
            return FileWait(rawValue: waits.next)
        }
    }

    func endWait(_ wait: FileWait) {
        tree.waits.withLock { _ = $0.waiting.removeValue(forKey: wait.rawValue) }
    }

    func explainWait(
        for range: Range<UInt64>,
        _ tell: @escaping @Sendable (FileWaitReason) -> Void
    ) { tell(.noPeers) }
}
