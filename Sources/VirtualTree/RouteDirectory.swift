/// A route of the configuration: lists its torrents.
struct RouteDirectory: VirtualDirectory {
    let snapshot: TreeSnapshot
    /// In the snapshot's routes.
    let position: Int

    private var route: TreeSnapshot.Route { snapshot.routes[position] }

    var id: FileID { FileID(kind: .route, route: route.hash) }

    var attributes: FileAttributes {
        let route = route
        return .directory(
            fileid: id.fileid,
            subdirectories: route.directoryCount,
            modified: route.modified
        )
    }

    var parent: any VirtualDirectory { RootDirectory(snapshot: snapshot) }

    func entry(named name: [UInt8]) -> VirtualNode? {
        route.byName[name].flatMap { snapshot.node(of: route.entries[$0]) }
    }

    func forEachEntry(
        after cookie: UInt64,
        _ body: (_ name: Span<UInt8>, DirectoryEntry) -> Bool
    ) -> Bool {
        let entries = route.entries
        let start = entries.firstPosition(after: cookie, cookie: \.cookie)
        return entries[start...].allSatisfy { entry in
            guard let node = snapshot.node(of: entry) else { return true }
            let name = entry.name
            return body(
                name.span,
                DirectoryEntry(
                    cookie: entry.cookie,
                    id: node.id,
                    attributes: node.attributes
                )
            )
        }
    }
}
