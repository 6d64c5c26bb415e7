package import BitTorrentProtocol
package import StateStore

/// Gives routes and their torrents the cookies, names and times that outlive the program.
///
/// A cookie is given once, at the first appearance, and never again to something else, because a
/// client that reads a long directory holds it. A name is kept likewise: which of two torrents of one
/// name is the plain one does not depend on the order in which files are found after a restart. A directory's time moves exactly when its entries change, always forward.
package struct RouteLedger: Sendable {
    /// A torrent that a route shall show.
    package struct Member: Sendable {
        package let infoHash: InfoHash
        /// The name that it would have if it stood alone; see ``TorrentLayout/name``.
        package let name: [UInt8]
        /// It may be another version of one that was shown before, whose name it then takes.
        package let isVersion: Bool

        package init(infoHash: InfoHash, name: [UInt8], isVersion: Bool = false) {
            self.infoHash = infoHash
            self.name = name
            self.isVersion = isVersion
        }
    }

    /// What must be stored before clients may see the new state.
    package struct Changes: Equatable, Sendable {
        package fileprivate(set) var routes: [RouteRecord] = []
        package fileprivate(set) var entries: [RouteEntryRecord] = []
        package var isEmpty: Bool { routes.isEmpty && entries.isEmpty }
    }

    private struct Route {
        var record: RouteRecord
        var entries: [InfoHash: RouteEntryRecord] = [:]
        var names: Set<[UInt8]> = []
        var cookies: Set<UInt32> = []

        mutating func put(_ entry: RouteEntryRecord) {
            entries[entry.infoHash] = entry
            names.insert(entry.name)
            cookies.insert(entry.cookie)
        }
    }

    private var root: RouteRecord
    private var routes: [[UInt8]: Route] = [:]
    private var cookies: Set<UInt32> = []

    /// - Parameters:
    ///   - routes: the stored routes and the stored root; in any order.
    ///   - entries: the stored torrents; those of a route that is not stored are ignored.
    ///   - now: becomes the root's time where no root is stored.
    package init(
        routes: [RouteRecord],
        entries: [RouteEntryRecord],
        now: FileAttributes.Timestamp
    ) {
        root = RouteRecord(
            name: [],
            cookie: 0,
            modifiedSeconds: now.seconds,
            modifiedNanoseconds: now.nanoseconds,
            isShown: false
        )
        for record in routes {
            if record.name.isEmpty {
                root = record
            } else {
                self.routes[record.name] = Route(record: record)
                cookies.insert(record.cookie)
            }
        }
        for entry in entries { self.routes[entry.route]?.put(entry) }
    }

    /// Makes exactly these routes show exactly these torrents.
    ///
    /// A torrent that stands twice in a route counts once, a route that stands twice is the first.
    package mutating func show(
        _ wanted: [(route: [UInt8], members: [Member])],
        now: FileAttributes.Timestamp
    ) -> Changes {
        var changes = Changes()
        var rootChanged = !root.isShown
        root.isShown = true
        var shown: Set<[UInt8]> = []
        for (name, members) in wanted where shown.insert(name).inserted {
            var route = routes[name] ?? newRoute(name, now: now)
            var isChanged = !route.record.isShown
            if isChanged { rootChanged = true }
            route.record.isShown = true
            let entries = Self.show(members, in: &route, now: now)
            if !entries.isEmpty {
                changes.entries += entries
                isChanged = true
                route.record.touch(now)
            }
            if isChanged { changes.routes.append(route.record) }
            routes[name] = route
        }
        for name in routes.keys.filter({ !shown.contains($0) }).sorted(by: precedes) {
            guard var route = routes[name], route.record.isShown else { continue }
            route.record.isShown = false
            rootChanged = true
            changes.routes.append(route.record)
            routes[name] = route
        }
        if rootChanged {
            root.touch(now)
            changes.routes.append(root)
        }
        return changes
    }

    package var rootModified: FileAttributes.Timestamp { root.modified }

    package func route(_ name: [UInt8]) -> RouteRecord? { routes[name]?.record }

    package func entry(_ infoHash: InfoHash, in route: [UInt8]) -> RouteEntryRecord? {
        routes[route]?.entries[infoHash]
    }

    private mutating func newRoute(_ name: [UInt8], now: FileAttributes.Timestamp) -> Route {
        let record = RouteRecord(
            name: name,
            cookie: DirectoryCookie.ofRoute(FileID.routeHash(name), isTaken: cookies.contains),
            modifiedSeconds: now.seconds,
            modifiedNanoseconds: now.nanoseconds,
            isShown: false
        )
        cookies.insert(record.cookie)
        return Route(record: record)
    }

    private static func show(
        _ members: [Member],
        in route: inout Route,
        now: FileAttributes.Timestamp
    ) -> [RouteEntryRecord] {
        var changed: [RouteEntryRecord] = []
        let wanted = Set(members.map(\.infoHash))
        let gone = route.entries.values.filter { $0.isShown && !wanted.contains($0.infoHash) }
        for var entry in gone.sorted(by: { $0.cookie < $1.cookie }) {
            entry.isShown = false
            route.put(entry)
            changed.append(entry)
        }
        var shown: Set<InfoHash> = []
        for member in members where shown.insert(member.infoHash).inserted {
            guard route.entries[member.infoHash]?.isShown != true else { continue }
            if member.isVersion { changed += giveUpName(to: member, in: &route) }
            var entry = route.entries[member.infoHash] ?? newEntry(member, in: route, now: now)
            if member.isVersion, !route.names.contains(member.name) {
                route.names.remove(entry.name)
                entry.name = member.name
            }
            entry.isShown = true
            route.put(entry)
            changed.append(entry)
        }
        return changed
    }

    /// Marks the torrent that has a version's name, unless it is shown.
    private static func giveUpName(
        to member: Member,
        in route: inout Route
    ) -> [RouteEntryRecord] {
        let holder = route.entries.values.first { $0.name == member.name }
        guard var holder, !holder.isShown, holder.infoHash != member.infoHash else { return [] }
        holder.name = markedName(member.name, of: holder.infoHash, in: route)
        route.put(holder)
        route.names.remove(member.name)
        return [holder]
    }

    private static func markedName(
        _ name: [UInt8],
        of infoHash: InfoHash,
        in route: Route
    ) -> [UInt8] {
        let hash = infoHash.bytes.map(hexadecimal).joined()
        let marked = FileName.marked(name, with: String(hash.prefix(8)))
        return route.names.contains(marked) ? FileName.marked(name, with: hash) : marked
    }

    /// The earlier torrent keeps the plain name; a later one is marked with its info-hash.
    private static func newEntry(
        _ member: Member,
        in route: Route,
        now: FileAttributes.Timestamp
    ) -> RouteEntryRecord {
        var name = member.name
        if route.names.contains(name) {
            name = markedName(name, of: member.infoHash, in: route)
        }
        return RouteEntryRecord(
            route: route.record.name,
            infoHash: member.infoHash,
            cookie: DirectoryCookie.ofTorrent(
                member.infoHash,
                in: FileID.routeHash(route.record.name),
                isTaken: route.cookies.contains
            ),
            name: name,
            added: now.seconds,
            isShown: false
        )
    }
}

extension RouteRecord {
    package var modified: FileAttributes.Timestamp {
        FileAttributes.Timestamp(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
    }

    /// Moves the time to `now`, or by a nanosecond if the clock stands still or went back: a client
    /// drops its cached listing only when the time moved.
    fileprivate mutating func touch(_ now: FileAttributes.Timestamp) {
        if (now.seconds, now.nanoseconds) > (modifiedSeconds, modifiedNanoseconds) {
            modifiedSeconds = now.seconds
            modifiedNanoseconds = now.nanoseconds
        } else if modifiedNanoseconds < 999_999_999 {
            modifiedNanoseconds += 1
        } else {
            modifiedSeconds += 1
            modifiedNanoseconds = 0
        }
    }
}

private func hexadecimal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16)
    return byte < 16 ? "0" + digits : digits
}

private func precedes(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.lexicographicallyPrecedes(right)
}
