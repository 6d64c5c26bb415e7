import TorrentEngine

/// A directory of a torrent; number 0 stands in the route.
struct TorrentDirectory: VirtualDirectory {
    /// Cookies of its entries are their places, from here on.
    private static let firstCookie = UInt64(DirectoryCookie.first)

    let snapshot: TreeSnapshot
    let entry: RouteEntry
    let number: UInt32

    var id: FileID {
        FileID(
            kind: .torrentDirectory,
            route: entry.route,
            infoHash: entry.content.infoHash,
            index: number
        )
    }

    var attributes: FileAttributes {
        .directory(
            id,
            subdirectories: entry.subdirectoryCount(ofDirectory: number),
            modified: entry.modified
        )
    }

    var parent: any VirtualDirectory {
        if number == 0, let position = snapshot.byHash[entry.route] {
            return RouteDirectory(snapshot: snapshot, position: position)
        }
        return TorrentDirectory(
            snapshot: snapshot,
            entry: entry,
            number: entry.layout?.parent(ofDirectory: number) ?? 0
        )
    }

    func entry(named name: [UInt8]) -> VirtualNode? {
        guard let layout = entry.layout else { return nil }
        return layout.target(named: name, inDirectory: number).flatMap { node($0, in: layout) }
    }

    func forEachEntry(after cookie: UInt64, _ body: (DirectoryEntry) -> Bool) -> Bool {
        guard let layout = entry.layout else { return true }
        let count = layout.entryCount(ofDirectory: number)
        let start =
            cookie < Self.firstCookie ? 0 : min(cookie - Self.firstCookie + 1, UInt64(count))
        return (Int(start)..<count).allSatisfy { ordinal in
            let (name, target) = layout.entry(ordinal, ofDirectory: number)
            let (id, attributes): (FileID, FileAttributes)
            switch target {
            case .directory(let number):
                let directory = TorrentDirectory(snapshot: snapshot, entry: entry, number: number)
                (id, attributes) = (directory.id, directory.attributes)
            case .file(let number):
                guard let file = layout.file(number) else { return true }
                let shown = TorrentFile(entry: entry, number: number, file: file)
                (id, attributes) = (shown.id, shown.attributes)
            }
            return body(
                DirectoryEntry(
                    cookie: UInt64(ordinal) + Self.firstCookie,
                    name: name,
                    id: id,
                    attributes: attributes
                )
            )
        }
    }

    private func node(
        _ target: TorrentLayout.Target,
        in layout: TorrentLayout
    ) -> VirtualNode? {
        switch target {
        case .directory(let number):
            .directory(TorrentDirectory(snapshot: snapshot, entry: entry, number: number))
        case .file(let number):
            layout.file(number).map {
                .file(TorrentFile(entry: entry, number: number, file: $0))
            }
        }
    }
}
