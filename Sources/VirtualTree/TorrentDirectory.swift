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
            fileid: id.fileid,
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

    func forEachEntry(
        after cookie: UInt64,
        _ body: (_ name: Span<UInt8>, DirectoryEntry) -> Bool
    ) -> Bool {
        guard let layout = entry.layout else { return true }
        let places = layout.directories[Int(number)].entries
        let start =
            cookie < Self.firstCookie
            ? 0 : min(cookie - Self.firstCookie + 1, UInt64(places.count))
        let directories = FileIDSeries(id)
        let names = layout.names.span
        let files = FileIDSeries(TorrentFile.id(number: 0, in: entry))
        for ordinal in Int(start)..<places.count {
            let place = layout.entries[places.lowerBound + ordinal]
            let (id, attributes): (FileID, FileAttributes)
            switch place.target {
            case .directory(let number):
                id = directories.id(number)
                attributes = .directory(
                    fileid: directories.fileid(number),
                    subdirectories: layout.subdirectoryCount(ofDirectory: number),
                    modified: entry.modified
                )
            case .file(let number):
                guard let file = layout.file(number) else { continue }
                id = files.id(number)
                attributes = .file(
                    file,
                    fileid: files.fileid(number),
                    modified: entry.modified
                )
            }
            let entry = DirectoryEntry(
                cookie: UInt64(ordinal) + Self.firstCookie,
                id: id,
                attributes: attributes
            )
            guard body(names.extracting(place.name), entry) else { return false }
        }
        return true
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
