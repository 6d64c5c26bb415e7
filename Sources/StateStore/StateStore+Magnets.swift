package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

extension StateStore {
    /// A magnet link whose metadata has not come yet.
    package struct MagnetRecord: Equatable, Sendable {
        package let infoHash: InfoHash
        package let magnet: MagnetLink
        /// When the link was first registered, seconds since 1970; the torrent takes it over.
        package let addedTime: Int64
    }

    /// Registers a magnet link; one of the same torrent keeps its first added time and takes over
    /// what the new one says.
    ///
    /// - Parameter addedTime: seconds since 1970.
    package func register(
        _ magnet: MagnetLink,
        infoHash: InfoHash,
        addedTime: Int64
    ) throws(StateStoreError) -> MagnetRecord {
        try write { database, path in
            try database.execute(
                sql: """
                    INSERT INTO magnet (info_hash, link, added_time) VALUES (?, ?, ?)
                    ON CONFLICT (info_hash) DO UPDATE SET link = excluded.link
                    WHERE link <> excluded.link
                    """,
                arguments: [Data(infoHash.bytes), "\(magnet)", addedTime]
            )
            let first = try Int64.fetchOne(
                database,
                sql: "SELECT added_time FROM magnet WHERE info_hash = ?",
                arguments: [Data(infoHash.bytes)]
            )
            guard let first else {
                throw StateStoreError.corrupt(path: path, what: "a magnet link is not there")
            }
            return MagnetRecord(infoHash: infoHash, magnet: magnet, addedTime: first)
        }
    }

    /// All registered magnet links, those added first at the front.
    package func magnets() throws(StateStoreError) -> [MagnetRecord] {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT * FROM magnet ORDER BY added_time, info_hash"
            )
            var records: [MagnetRecord] = []
            while let row = try rows.next() {
                guard let hash = row["info_hash"] as Data?, let infoHash = InfoHash(bytes: hash),
                    let link = row["link"] as String?,
                    let magnet = try? MagnetLink(
                        link,
                        maximumByteCount: MagnetLink.maximumDescriptionByteCount
                    ),
                    let addedTime = row["added_time"] as Int64?
                else {
                    throw StateStoreError.corrupt(path: path, what: "a magnet link cannot be read")
                }
                records.append(
                    MagnetRecord(infoHash: infoHash, magnet: magnet, addedTime: addedTime)
                )
            }
            return records
        }
    }

    package func removeMagnet(_ infoHash: InfoHash) throws(StateStoreError) {
        try write { database, _ in try Self.removeMagnet(infoHash, in: database) }
    }

    static func removeMagnet(_ infoHash: InfoHash, in database: Database) throws {
        try database.cachedStatement(sql: "DELETE FROM magnet WHERE info_hash = ?")
            .execute(arguments: [Data(infoHash.bytes)])
    }

    /// The info dictionary of a registered torrent, exactly as found, or of a served folder; `nil` if
    /// it is neither.
    package func infoBytes(of infoHash: InfoHash) throws(StateStoreError) -> [UInt8]? {
        try read { database, _ in
            try Data.fetchOne(
                database,
                sql: "SELECT info FROM torrent WHERE info_hash = ?",
                arguments: [Data(infoHash.bytes)]
            ) ?? Self.infoBytesOfFolder(infoHash, in: database)
        }.map { Array($0) }
    }
}

extension Schema {
    static func registerMagnets(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("magnets") { database in
            try database.execute(
                sql: """
                    -- Torrents whose info dictionary has not come yet.
                    CREATE TABLE magnet (
                        info_hash BLOB NOT NULL PRIMARY KEY,
                        link TEXT NOT NULL,
                        added_time INTEGER NOT NULL -- seconds since 1970; written once
                    ) WITHOUT ROWID;
                    """
            )
        }
    }
}
