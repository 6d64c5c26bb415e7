package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs, and for JSON
import GRDB

extension StateStore {
    /// The torrent that a served folder is at present.
    package struct FolderRecord: Equatable, Sendable {
        /// Of the folder, absolute.
        package let path: String
        package let metainfo: MetainfoRecord
        /// When this version was made, seconds since 1970.
        package let addedTime: Int64
        /// How others find it.
        package let magnet: String

        package struct MetainfoRecord: Equatable, Sendable {
            package let infoHash: InfoHash
            package let infoBytes: [UInt8]

            package init(infoHash: InfoHash, infoBytes: [UInt8]) {
                self.infoHash = infoHash
                self.infoBytes = infoBytes
            }
        }

        package init(path: String, metainfo: MetainfoRecord, addedTime: Int64, magnet: String) {
            self.path = path
            self.metainfo = metainfo
            self.addedTime = addedTime
            self.magnet = magnet
        }
    }

    /// What a file of a served folder was when it was hashed, and its hashes.
    package struct FolderFileRecord: Equatable, Sendable {
        /// Below the folder, with slashes.
        package let path: String
        /// What tells that the file is still the same, as its owner writes it.
        package let stamp: [UInt8]
        package let pieceLength: UInt32
        package let hashes: FileHashes

        package init(path: String, stamp: [UInt8], pieceLength: UInt32, hashes: FileHashes) {
            self.path = path
            self.stamp = stamp
            self.pieceLength = pieceLength
            self.hashes = hashes
        }
    }

    /// All folders that have been hashed, by their paths.
    package func folders() throws(StateStoreError) -> [FolderRecord] {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT * FROM served_folder ORDER BY path"
            )
            var records: [FolderRecord] = []
            while let row = try rows.next() { records.append(try FolderRecord(row, path: path)) }
            return records
        }
    }

    package func folder(at path: String) throws(StateStoreError) -> FolderRecord? {
        try read { database, databasePath in
            try Row.fetchOne(
                database,
                sql: "SELECT * FROM served_folder WHERE path = ?",
                arguments: [path]
            ).map { try FolderRecord($0, path: databasePath) }
        }
    }

    /// The hashed files of a folder, those of no version yet among them.
    package func folderFiles(
        of folder: String
    ) throws(StateStoreError) -> [FolderFileRecord] {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT * FROM served_file WHERE folder = ?",
                arguments: [folder]
            )
            var records: [FolderFileRecord] = []
            while let row = try rows.next() {
                records.append(try FolderFileRecord(row, path: path))
            }
            return records
        }
    }

    /// Records files that have been hashed, in the place of what was known of them.
    package func record(
        _ files: [FolderFileRecord],
        of folder: String
    ) throws(StateStoreError) {
        try write { database, _ in
            for file in files {
                try database.cachedStatement(
                    sql: "INSERT OR REPLACE INTO served_file VALUES (?, ?, ?, ?, ?, ?, ?)"
                ).execute(arguments: [
                    folder, file.path, Data(file.stamp), file.pieceLength,
                    Int64(file.hashes.length), Data(file.hashes.pieceHashes),
                    Data(file.hashes.tailHash),
                ])
            }
        }
    }

    /// Records which torrent a folder is now, and forgets the files that are not `kept`.
    package func record(
        _ folder: FolderRecord,
        keeping kept: Set<String>
    ) throws(StateStoreError) {
        try write { database, _ in
            try database.execute(
                sql: "INSERT OR REPLACE INTO served_folder VALUES (?, ?, ?, ?, ?)",
                arguments: [
                    folder.path, Data(folder.metainfo.infoHash.bytes),
                    Data(folder.metainfo.infoBytes), folder.addedTime, folder.magnet,
                ]
            )
            let known = try String.fetchAll(
                database,
                sql: "SELECT path FROM served_file WHERE folder = ?",
                arguments: [folder.path]
            )
            for path in known where !kept.contains(path) {
                try database.cachedStatement(
                    sql: "DELETE FROM served_file WHERE folder = ? AND path = ?"
                ).execute(arguments: [folder.path, path])
            }
        }
    }

    /// Forgets a folder and its files' hashes.
    package func removeFolder(at path: String) throws(StateStoreError) {
        try write { database, _ in
            for table in ["served_folder WHERE path", "served_file WHERE folder"] {
                try database.execute(sql: "DELETE FROM \(table) = ?", arguments: [path])
            }
        }
    }

    static func infoBytesOfFolder(_ infoHash: InfoHash, in database: Database) throws -> Data? {
        try Data.fetchOne(
            database,
            sql: "SELECT info FROM served_folder WHERE info_hash = ?",
            arguments: [Data(infoHash.bytes)]
        )
    }
}

extension Schema {
    static func registerFolders(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("served folders") { database in
            try database.execute(
                sql: """
                    -- Folders of the user that are served as torrents.
                    CREATE TABLE served_folder (
                        path TEXT NOT NULL PRIMARY KEY,
                        info_hash BLOB NOT NULL,
                        info BLOB NOT NULL,
                        added_time INTEGER NOT NULL, -- seconds since 1970
                        magnet TEXT NOT NULL
                    );
                    -- What reading a file again would tell.
                    CREATE TABLE served_file (
                        folder TEXT NOT NULL,
                        path TEXT NOT NULL, -- below the folder
                        stamp BLOB NOT NULL,
                        piece_length INTEGER NOT NULL,
                        length INTEGER NOT NULL,
                        piece_hashes BLOB NOT NULL, -- SHA-1, the last piece filled up
                        tail_hash BLOB NOT NULL,    -- SHA-1 of the last piece as it is
                        PRIMARY KEY (folder, path)
                    );
                    """
            )
        }
    }
}

extension StateStore.FolderRecord {
    fileprivate init(_ row: Row, path: String) throws {
        guard let folder = row["path"] as String?,
            let infoHash = (row["info_hash"] as Data?).flatMap({ InfoHash(bytes: $0) }),
            let info = row["info"] as Data?, let addedTime = row["added_time"] as Int64?,
            let magnet = row["magnet"] as String?
        else { throw StateStoreError.corrupt(path: path, what: "a folder cannot be read") }
        self.init(
            path: folder,
            metainfo: MetainfoRecord(infoHash: infoHash, infoBytes: Array(info)),
            addedTime: addedTime,
            magnet: magnet
        )
    }
}

extension StateStore.FolderFileRecord {
    fileprivate init(_ row: Row, path: String) throws {
        guard let file = row["path"] as String?, let stamp = row["stamp"] as Data?,
            let pieceLength = (row["piece_length"] as Int64?).flatMap(UInt32.init(exactly:)),
            let length = (row["length"] as Int64?).flatMap(UInt64.init(exactly:)),
            let pieceHashes = row["piece_hashes"] as Data?, let tailHash = row["tail_hash"] as Data?
        else { throw StateStoreError.corrupt(path: path, what: "a hashed file cannot be read") }
        self.init(
            path: file,
            stamp: Array(stamp),
            pieceLength: pieceLength,
            hashes: FileHashes(
                length: length,
                pieceHashes: Array(pieceHashes),
                tailHash: Array(tailHash)
            )
        )
    }
}
