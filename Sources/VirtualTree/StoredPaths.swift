package import BitTorrentProtocol
package import StateStore

/// What the paths of the share stand for, by what was stored before it was shown: whether or not a
/// server runs.
package struct StoredPaths: Sendable {
    /// A torrent, or some files of it.
    package struct Part: Equatable, Sendable {
        package let infoHash: InfoHash
        /// The torrent's route and its name there.
        package let path: String
        /// Numbers of the files in the metainfo, ascending; `nil` for the whole torrent.
        package let files: [ClosedRange<Int>]?
    }

    private let store: StateStore

    package init(store: StateStore) { self.store = store }

    /// What stands at a path and below it: a route, a torrent, a directory or a file.
    ///
    /// Waits for the disk.
    ///
    /// - Parameter path: components; none for the whole share.
    /// - Returns: nothing if there is no such path.
    package func parts(at path: [[UInt8]]) throws -> [Part] {
        let entries = try store.shownEntries(
            in: path.first,
            named: path.count > 1 ? path[1] : nil
        )
        guard path.count > 2 else { return entries.map { Part($0, files: nil) } }
        return try entries.compactMap { entry in
            guard let bytes = try store.layout(of: entry.infoHash),
                let layout = TorrentLayout(decoding: bytes),
                let files = layout.files(at: path.dropFirst(2))
            else { return nil }
            return Part(entry, files: files)
        }
    }
}

extension StoredPaths.Part {
    fileprivate init(_ entry: RouteEntryRecord, files: [ClosedRange<Int>]?) {
        infoHash = entry.infoHash
        path =
            "\(String(decoding: entry.route, as: UTF8.self))/"
            + String(decoding: entry.name, as: UTF8.self)
        self.files = files
    }
}

extension TorrentLayout {
    /// - Parameter path: components below the torrent's own name, at least one.
    fileprivate func files(at path: ArraySlice<[UInt8]>) -> [ClosedRange<Int>]? {
        var target = Target.directory(0)
        for name in path {
            guard directoryCount > 0, case .directory(let number) = target,
                let next = self.target(named: name, inDirectory: number)
            else { return nil }
            target = next
        }
        return switch target {
        case .directory(let number): files(belowDirectory: number)
        case .file(let number): [Int(number)...Int(number)]
        }
    }
}
