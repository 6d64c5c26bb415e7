import BitTorrentProtocol
import StateStore
import Synchronization
package import TorrentEngine

/// The routes and their torrents, published as one immutable tree.
///
/// Clients read the snapshot that was published last: a lock held for the copy of one reference,
/// no actor and no wait. A lock instead of an actor, because every call of every client passes
/// here and answers on its own event loop.
package final class Library: VirtualTree {
    /// A torrent that a route shall show.
    package struct Member: Sendable {
        package let content: any TorrentContent
        /// `creation date` of the metainfo, seconds since 1970; without one the torrent shows the
        /// time at which it was added.
        package let creationDate: Int64?
        /// It takes the name of an earlier version that is not shown any more.
        package let isVersion: Bool

        package init(
            content: any TorrentContent,
            creationDate: Int64?,
            isVersion: Bool = false
        ) {
            self.content = content
            self.creationDate = creationDate
            self.isVersion = isVersion
        }
    }

    /// A route as it shall stand.
    package struct Route: Sendable {
        /// One valid component; see ``FileName/component(_:)``.
        package let name: [UInt8]
        package let members: [Member]

        package init(name: [UInt8], members: [Member]) {
            self.name = name
            self.members = members
        }
    }

    private let published: Mutex<TreeSnapshot>
    private let ledger: Mutex<RouteLedger>
    private let layouts: LayoutShelf
    private let cachedBytes: @Sendable () -> UInt64

    /// - Parameter cachedBytes: what the cache holds at this moment; must answer at once.
    package init(
        ledger: RouteLedger,
        layouts: LayoutShelf,
        cachedBytes: @escaping @Sendable () -> UInt64
    ) {
        self.layouts = layouts
        published = Mutex(TreeSnapshot(routes: [], modified: ledger.rootModified))
        self.ledger = Mutex(ledger)
        self.cachedBytes = cachedBytes
    }

    package var root: any VirtualDirectory { RootDirectory(snapshot: snapshot) }

    package func node(_ id: FileID) -> VirtualNode? { snapshot.node(id) }

    package func path(ofFile id: FileID) -> [[UInt8]]? { snapshot.path(ofFile: id) }

    package var usage: TreeUsage {
        let snapshot = snapshot
        return TreeUsage(
            totalBytes: snapshot.totalBytes,
            cachedBytes: cachedBytes(),
            fileCount: snapshot.fileCount
        )
    }

    /// Replaces the whole tree: exactly these routes with exactly these torrents.
    ///
    /// The tree changes only after `store` returned, so that no client ever holds a cookie or a
    /// time that a crash could take back; if it fails, nothing has changed. Takes time in proportion
    /// to the files of new torrents, and waits for `store`: not for an event loop.
    package func show(
        _ routes: [Route],
        now: FileAttributes.Timestamp,
        store: (RouteLedger.Changes) throws -> Void
    ) throws {
        // Only writers wait for this lock, one for another; readers take the other one.
        try ledger.withLock { current in
            let before = snapshot
            let described = try layouts.describe(
                routes.flatMap { route in
                    route.members.map(\.content).filter {
                        before.summary(of: $0.infoHash) == nil
                            || current.entry($0.infoHash, in: route.name) == nil
                    }
                }
            )
            var ledger = current
            let changes = ledger.show(Self.wanted(routes, described), now: now)
            if !changes.isEmpty { try store(changes) }
            let shown = routes.compactMap { route in
                snapshot(of: route, ledger: ledger) { infoHash in
                    described[infoHash]?.summary ?? before.summary(of: infoHash)
                }
            }
            let after = TreeSnapshot(routes: shown, modified: ledger.rootModified)
            current = ledger
            published.withLock { $0 = after }
        }
    }

    /// What has no description has its name in the ledger.
    private static func wanted(
        _ routes: [Route],
        _ described: [InfoHash: LayoutShelf.Described]
    ) -> [(route: [UInt8], members: [RouteLedger.Member])] {
        routes.map { route in
            let members = route.members.map { member in
                RouteLedger.Member(
                    infoHash: member.content.infoHash,
                    name: described[member.content.infoHash]?.name ?? [],
                    isVersion: member.isVersion
                )
            }
            return (route.name, members)
        }
    }

    private var snapshot: TreeSnapshot { published.withLock { $0 } }

    private func snapshot(
        of route: Route,
        ledger: RouteLedger,
        summary: (InfoHash) -> TorrentSummary?
    ) -> TreeSnapshot.Route? {
        guard let record = ledger.route(route.name) else { return nil }
        let hash = FileID.routeHash(route.name)
        var seen: Set<InfoHash> = []
        var entries: [RouteEntry] = []
        for member in route.members {
            let infoHash = member.content.infoHash
            guard seen.insert(infoHash).inserted, let summary = summary(infoHash),
                let entry = ledger.entry(infoHash, in: route.name)
            else { continue }
            let created = member.creationDate.flatMap(UInt32.init(exactly:)) ?? entry.added
            entries.append(
                RouteEntry(
                    route: hash,
                    name: entry.name,
                    cookie: UInt64(entry.cookie),
                    content: member.content,
                    summary: summary,
                    modified: FileAttributes.Timestamp(seconds: created),
                    shelf: layouts
                )
            )
        }
        return TreeSnapshot.Route(
            name: route.name,
            cookie: UInt64(record.cookie),
            modified: record.modified,
            entries: entries
        )
    }
}

extension TreeSnapshot {
    fileprivate func summary(of infoHash: InfoHash) -> TorrentSummary? {
        for route in routes {
            if let place = route.byInfoHash[infoHash] { return route.entries[place].summary }
        }
        return nil
    }
}
