package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

// What the user has pinned; what routes pin stands in the configuration.
extension StateStore {
    /// Replaces what is pinned of a torrent, which need not be registered yet.
    ///
    /// - Parameter change: makes what is to be pinned of what is.
    /// - Returns: what is pinned now.
    @discardableResult
    package func changePins(
        of infoHash: InfoHash,
        _ change: (PinnedFiles) -> PinnedFiles
    ) throws(StateStoreError) -> PinnedFiles {
        try write { database, path in
            let pinned = change(try Self.pinnedFiles(of: infoHash, in: database, path: path))
            let key = Data(infoHash.bytes)
            for table in ["pin", "pinned_files"] {
                try database.execute(
                    sql: "DELETE FROM \(table) WHERE info_hash = ?",
                    arguments: [key]
                )
            }
            switch pinned {
            case .nothing: break
            case .all:
                try database.execute(sql: "INSERT INTO pin VALUES (?)", arguments: [key])
            case .files(let ranges):
                for range in ranges {
                    try database.execute(
                        sql: "INSERT INTO pinned_files VALUES (?, ?, ?)",
                        arguments: [key, range.lowerBound, range.upperBound]
                    )
                }
            }
            return pinned
        }
    }

    static func pinnedFiles(
        of infoHash: InfoHash,
        in database: Database,
        path: String
    ) throws -> PinnedFiles {
        let key = Data(infoHash.bytes)
        let isWhole = try Row.fetchOne(
            database.cachedStatement(sql: "SELECT 1 FROM pin WHERE info_hash = ?"),
            arguments: [key]
        )
        guard isWhole == nil else { return .all }
        let rows = try Row.fetchAll(
            database.cachedStatement(
                sql: "SELECT first, last FROM pinned_files WHERE info_hash = ?"
            ),
            arguments: [key]
        )
        return PinnedFiles(try rows.map { try Self.range($0, from: 0, path: path) })
    }

    /// Of all torrents of which something is pinned.
    static func pinnedFiles(
        in database: Database,
        path: String
    ) throws -> [InfoHash: PinnedFiles] {
        var found: [InfoHash: PinnedFiles] = [:]
        let rows = try Row.fetchCursor(database, sql: "SELECT * FROM pinned_files")
        while let row = try rows.next() {
            let infoHash = try InfoHash(row, column: 0, path: path)
            let range = try Self.range(row, from: 1, path: path)
            found[infoHash] = found[infoHash, default: .nothing].union(PinnedFiles([range]))
        }
        for infoHash in try Self.infoHashes(in: "pin", database, path) { found[infoHash] = .all }
        return found
    }

    private static func range(
        _ row: Row,
        from column: Int,
        path: String
    ) throws(StateStoreError) -> ClosedRange<Int> {
        guard let first = row[column] as Int?, let last = row[column + 1] as Int?,
            first >= 0, first <= last, last < Int(Int32.max)
        else { throw .corrupt(path: path, what: "a pin cannot be read") }
        return first...last
    }
}

extension Schema {
    static func registerPinnedFiles(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("pinned files") { database in
            try database.execute(
                sql: """
                    -- Of a torrent that the user wants in part: numbers of files in its metainfo.
                    CREATE TABLE pinned_files (
                        info_hash BLOB NOT NULL,
                        first INTEGER NOT NULL,
                        last INTEGER NOT NULL,
                        PRIMARY KEY (info_hash, first)
                    ) WITHOUT ROWID;
                    """
            )
        }
    }
}
