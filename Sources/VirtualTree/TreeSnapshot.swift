import BitTorrentProtocol
import TorrentEngine

/// The whole tree at one moment, immutable: what every call of a client is answered from.
///
/// Directories and files are made on demand as small values that keep the snapshot in which they
/// were found, so that one answer never mixes two states.
final class TreeSnapshot: Sendable {
    struct Route: Sendable {
        let name: [UInt8]
        let hash: UInt32
        let cookie: UInt64
        let modified: FileAttributes.Timestamp
        /// In cookie order.
        let entries: [RouteEntry]
        let byName: [[UInt8]: Int]
        let byInfoHash: [InfoHash: Int]
        /// Torrents that stand as a directory.
        let directoryCount: UInt32

        init(
            name: [UInt8],
            cookie: UInt64,
            modified: FileAttributes.Timestamp,
            entries: [RouteEntry]
        ) {
            self.name = name
            hash = FileID.routeHash(name)
            self.cookie = cookie
            self.modified = modified
            self.entries = entries.sorted { $0.cookie < $1.cookie }
            byName = .positions(of: self.entries.map(\.name))
            byInfoHash = .positions(of: self.entries.map(\.content.infoHash))
            directoryCount = UInt32(entries.count { !$0.isSingleFile })
        }
    }

    let modified: FileAttributes.Timestamp
    /// In cookie order.
    let routes: [Route]
    let byName: [[UInt8]: Int]
    let byHash: [UInt32: Int]
    let totalBytes: UInt64
    let fileCount: UInt64

    init(routes: [Route], modified: FileAttributes.Timestamp) {
        self.modified = modified
        self.routes = routes.sorted { $0.cookie < $1.cookie }
        byName = .positions(of: self.routes.map(\.name))
        byHash = .positions(of: self.routes.map(\.hash))
        let summaries = routes.lazy.flatMap { $0.entries.lazy.map(\.summary) }
        totalBytes = summaries.reduce(0) { $0 &+ $1.byteCount }
        fileCount = summaries.reduce(0) { $0 + UInt64($1.fileCount) }
    }

    func node(_ id: FileID) -> VirtualNode? {
        guard id.member == 0 else { return nil }
        if id.kind == .root { return .directory(RootDirectory(snapshot: self)) }
        guard let position = byHash[id.route] else { return nil }
        if id.kind == .route {
            return .directory(RouteDirectory(snapshot: self, position: position))
        }
        let route = routes[position]
        guard let infoHash = id.infoHash, let place = route.byInfoHash[infoHash] else {
            return nil
        }
        let entry = route.entries[place]
        if id.kind == .torrentDirectory {
            guard entry.hasDirectory(id.index) else { return nil }
            return .directory(TorrentDirectory(snapshot: self, entry: entry, number: id.index))
        }
        return entry.file(id.index).map {
            .file(TorrentFile(entry: entry, number: id.index, file: $0))
        }
    }

    func path(ofFile id: FileID) -> [[UInt8]]? {
        guard id.kind == .torrentFile, id.member == 0, let position = byHash[id.route],
            let infoHash = id.infoHash, let place = routes[position].byInfoHash[infoHash]
        else { return nil }
        let entry = routes[position].entries[place]
        let top = [routes[position].name, entry.name]
        if entry.isSingleFile { return id.index == 0 ? top : nil }
        return entry.layout?.path(ofFile: id.index).map { top + $0 }
    }

    /// What a torrent shows in its route: its top directory, or its only file.
    func node(of entry: RouteEntry) -> VirtualNode? {
        guard entry.isSingleFile else {
            return .directory(TorrentDirectory(snapshot: self, entry: entry, number: 0))
        }
        return entry.file(0).map { .file(TorrentFile(entry: entry, number: 0, file: $0)) }
    }
}

/// One torrent as it stands in one route.
final class RouteEntry: Sendable {
    let route: UInt32
    let name: [UInt8]
    let cookie: UInt64
    let content: any TorrentContent
    let summary: TorrentSummary
    let modified: FileAttributes.Timestamp
    private let shelf: LayoutShelf

    init(
        route: UInt32,
        name: [UInt8],
        cookie: UInt64,
        content: any TorrentContent,
        summary: TorrentSummary,
        modified: FileAttributes.Timestamp,
        shelf: LayoutShelf
    ) {
        self.route = route
        self.name = name
        self.cookie = cookie
        self.content = content
        self.summary = summary
        self.modified = modified
        self.shelf = shelf
    }

    var isSingleFile: Bool { summary.isSingleFile }

    /// `nil` if it cannot be read.
    var layout: TorrentLayout? { shelf.layout(of: content) }

    func hasDirectory(_ number: UInt32) -> Bool {
        if isSingleFile { return false }
        return number == 0 || number < (layout?.directoryCount ?? 0)
    }

    /// A file by its position in the metainfo.
    func file(_ number: UInt32) -> TorrentLayout.File? {
        if isSingleFile { return number == 0 ? summary.file : nil }
        return layout?.file(number)
    }

    func subdirectoryCount(ofDirectory number: UInt32) -> UInt32 {
        number == 0
            ? summary.subdirectoryCount : layout?.subdirectoryCount(ofDirectory: number) ?? 0
    }
}

extension Dictionary where Value == Int {
    /// Where each key stands; the first place counts if one stands twice.
    static func positions(of keys: [Key]) -> Self {
        Self(zip(keys, keys.indices), uniquingKeysWith: { first, _ in first })
    }
}
