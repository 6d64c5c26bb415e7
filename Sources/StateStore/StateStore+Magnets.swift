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
        try register([infoHash: magnet], addedTime: addedTime)
        guard let record = try self.magnet(infoHash) else {
            throw .corrupt(path: path, what: "a magnet link is not there")
        }
        return record
    }

    /// Registers magnet links in one transaction.
    package func register(
        _ magnets: [InfoHash: MagnetLink],
        addedTime: Int64
    ) throws(StateStoreError) {
        try write { database, _ in
            for (infoHash, magnet) in magnets {
                try database.cachedStatement(
                    sql: """
                        INSERT INTO magnet (info_hash, link, added_time) VALUES (?, ?, ?)
                        ON CONFLICT (info_hash) DO UPDATE SET link = excluded.link
                        WHERE link <> excluded.link
                        """
                ).execute(arguments: [Data(infoHash.bytes), "\(magnet)", addedTime])
            }
        }
    }

    /// All registered magnet links, those added first at the front.
    package func magnetInfoHashes() throws(StateStoreError) -> [InfoHash] {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT info_hash FROM magnet ORDER BY added_time, info_hash"
            )
            var infoHashes: [InfoHash] = []
            while let row = try rows.next() {
                guard let infoHash = InfoHash(row, column: 0) else {
                    throw StateStoreError.corrupt(path: path, what: "a magnet link cannot be read")
                }
                infoHashes.append(infoHash)
            }
            return infoHashes
        }
    }

    /// A registered magnet link, or `nil`.
    package func magnet(_ infoHash: InfoHash) throws(StateStoreError) -> MagnetRecord? {
        try read { database, path in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT link, added_time FROM magnet WHERE info_hash = ?",
                arguments: [Data(infoHash.bytes)]
            )
            guard let row else { return nil }
            guard let link = row[0] as String?,
                let magnet = try? MagnetLink(
                    link,
                    maximumByteCount: MagnetLink.maximumDescriptionByteCount
                ),
                let addedTime = row[1] as Int64?
            else {
                throw StateStoreError.corrupt(path: path, what: "a magnet link cannot be read")
            }
            return MagnetRecord(infoHash: infoHash, magnet: magnet, addedTime: addedTime)
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
