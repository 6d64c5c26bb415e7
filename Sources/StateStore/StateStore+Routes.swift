import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

extension StateStore {
    /// The routes, the root among them once it was stored.
    package func routes() throws(StateStoreError) -> [RouteRecord] {
        try read { database, path in
            let rows = try Row.fetchCursor(database, sql: "SELECT * FROM route ORDER BY cookie")
            var records: [RouteRecord] = []
            while let row = try rows.next() { records.append(try RouteRecord(row, path: path)) }
            return records
        }
    }

    /// The torrents of all routes, those that are not shown any more among them.
    package func routeEntries() throws(StateStoreError) -> [RouteEntryRecord] {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT * FROM route_entry ORDER BY route, cookie"
            )
            var records: [RouteEntryRecord] = []
            while let row = try rows.next() {
                records.append(try RouteEntryRecord(row, path: path))
            }
            return records
        }
    }

    /// The torrents that are shown, by route and name.
    ///
    /// - Parameters:
    ///   - route: `nil` for those of all routes.
    ///   - name: those alone that stand under it.
    package func shownEntries(
        in route: [UInt8]? = nil,
        named name: [UInt8]? = nil
    ) throws(StateStoreError) -> [RouteEntryRecord] {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT route_entry.* FROM route_entry JOIN route ON route.name = route
                    WHERE route_entry.is_shown AND route.is_shown
                    AND (?1 IS NULL OR route = ?1) AND (?2 IS NULL OR route_entry.name = ?2)
                    ORDER BY route, route_entry.name
                    """,
                arguments: [route.map { Data($0) }, name.map { Data($0) }]
            )
            var records: [RouteEntryRecord] = []
            while let row = try rows.next() {
                records.append(try RouteEntryRecord(row, path: path))
            }
            return records
        }
    }

    /// Stores new and changed rows in one transaction.
    package func record(
        routes: [RouteRecord],
        entries: [RouteEntryRecord]
    ) throws(StateStoreError) {
        try write { database, _ in
            for route in routes {
                try database.cachedStatement(
                    sql: "INSERT OR REPLACE INTO route VALUES (?, ?, ?, ?, ?)"
                ).execute(arguments: [
                    Data(route.name), route.cookie, route.modifiedSeconds,
                    route.modifiedNanoseconds, route.isShown,
                ])
            }
            for entry in entries {
                try database.cachedStatement(
                    sql: "INSERT OR REPLACE INTO route_entry VALUES (?, ?, ?, ?, ?, ?)"
                ).execute(arguments: [
                    Data(entry.route), Data(entry.infoHash.bytes), entry.cookie,
                    Data(entry.name), entry.added, entry.isShown,
                ])
            }
        }
    }
}

extension Schema {
    static func registerRoutes(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("routes") { database in
            try database.execute(
                sql: """
                    -- Rows are never deleted: their ordinals are never given again.
                    CREATE TABLE route (
                        name BLOB NOT NULL PRIMARY KEY, -- empty for the root
                        ordinal INTEGER NOT NULL,
                        modified_seconds INTEGER NOT NULL, -- since 1970
                        modified_nanoseconds INTEGER NOT NULL,
                        is_shown INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    CREATE TABLE route_entry (
                        route BLOB NOT NULL,
                        info_hash BLOB NOT NULL,
                        ordinal INTEGER NOT NULL,
                        name BLOB NOT NULL,
                        added INTEGER NOT NULL, -- seconds since 1970
                        is_shown INTEGER NOT NULL,
                        PRIMARY KEY (route, info_hash)
                    ) WITHOUT ROWID;
                    """
            )
        }
    }

    static func registerRouteCookies(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("route cookies") { database in
            try database.execute(
                sql: """
                    -- An ordinal is a cookie without the three that mean the start, "." and "..".
                    ALTER TABLE route RENAME COLUMN ordinal TO cookie;
                    UPDATE route SET cookie = cookie + 3;
                    ALTER TABLE route_entry RENAME COLUMN ordinal TO cookie;
                    UPDATE route_entry SET cookie = cookie + 3;
                    """
            )
        }
    }
}

extension RouteRecord {
    fileprivate init(_ row: Row, path: String) throws {
        guard let name = row["name"] as Data?,
            let cookie = (row["cookie"] as Int64?).flatMap(UInt32.init(exactly:)),
            let seconds = (row["modified_seconds"] as Int64?).flatMap(UInt32.init(exactly:)),
            let nanoseconds = (row["modified_nanoseconds"] as Int64?)
                .flatMap(UInt32.init(exactly:)), nanoseconds < 1_000_000_000
        else { throw StateStoreError.corrupt(path: path, what: "a route cannot be read") }
        self.init(
            name: Array(name),
            cookie: cookie,
            modifiedSeconds: seconds,
            modifiedNanoseconds: nanoseconds,
            isShown: row["is_shown"] == 1
        )
    }
}

extension RouteEntryRecord {
    fileprivate init(_ row: Row, path: String) throws {
        guard let route = row["route"] as Data?,
            let infoHash = (row["info_hash"] as Data?).flatMap({ InfoHash(bytes: $0) }),
            let cookie = (row["cookie"] as Int64?).flatMap(UInt32.init(exactly:)),
            let name = row["name"] as Data?,
            let added = (row["added"] as Int64?).flatMap(UInt32.init(exactly:))
        else { throw StateStoreError.corrupt(path: path, what: "a route's entry cannot be read") }
        self.init(
            route: Array(route),
            infoHash: infoHash,
            cookie: cookie,
            name: Array(name),
            added: added,
            isShown: row["is_shown"] == 1
        )
    }
}
