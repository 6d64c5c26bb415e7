/// The directory that lists the routes.
struct RootDirectory: VirtualDirectory {
    let snapshot: TreeSnapshot

    var id: FileID { FileID(kind: .root) }

    var attributes: FileAttributes {
        .directory(
            fileid: id.fileid,
            subdirectories: UInt32(snapshot.routes.count),
            modified: snapshot.modified
        )
    }

    var parent: any VirtualDirectory { self }

    func entry(named name: [UInt8]) -> VirtualNode? {
        snapshot.byName[name].map {
            .directory(RouteDirectory(snapshot: snapshot, position: $0))
        }
    }

    func forEachEntry(
        after cookie: UInt64,
        _ body: (_ name: Span<UInt8>, DirectoryEntry) -> Bool
    ) -> Bool {
        let start = snapshot.routes.firstPosition(after: cookie, cookie: \.cookie)
        return snapshot.routes.indices[start...].allSatisfy { position in
            let directory = RouteDirectory(snapshot: snapshot, position: position)
            let name = snapshot.routes[position].name
            return body(
                name.span,
                DirectoryEntry(
                    cookie: snapshot.routes[position].cookie,
                    id: directory.id,
                    attributes: directory.attributes
                )
            )
        }
    }
}

extension FileAttributes {
    /// A directory that everybody may list and nobody may change.
    static func directory(
        fileid: UInt64,
        subdirectories: UInt32,
        modified: Timestamp
    ) -> FileAttributes {
        FileAttributes(
            kind: .directory,
            fileid: fileid,
            size: 4096,
            mode: 0o555,
            linkCount: 2 + subdirectories,
            modified: modified
        )
    }
}

extension Array {
    /// Position of the first element whose cookie is greater; the elements stand in cookie order.
    func firstPosition(after cookie: UInt64, cookie of: (Element) -> UInt64) -> Int {
        var range = startIndex..<endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if of(self[middle]) > cookie {
                range = range.lowerBound..<middle
            } else {
                range = middle + 1..<range.upperBound
            }
        }
        return range.lowerBound
    }
}
