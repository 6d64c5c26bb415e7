package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

// What a start reads of every torrent and magnet link, in bulk: few columns, and no info dictionary.

extension StateStore {
    /// A registered torrent without its metainfo.
    package struct Registration: Equatable, Sendable {
        package let infoHash: InfoHash
        /// Of a v2 or hybrid torrent (BEP 52).
        package let version2Hash: Version2InfoHash?
        /// `creation date` of the metainfo, seconds since 1970.
        package let creationDate: Int64?
        /// When the torrent was first registered, seconds since 1970; it never changes.
        package let addedTime: Int64
        /// Some of its pieces were recorded.
        package let holdsPieces: Bool
        /// By the user.
        package let pinned: PinnedFiles

        package init(
            infoHash: InfoHash,
            version2Hash: Version2InfoHash? = nil,
            creationDate: Int64?,
            addedTime: Int64,
            holdsPieces: Bool,
            pinned: PinnedFiles
        ) {
            self.infoHash = infoHash
            self.version2Hash = version2Hash
            self.creationDate = creationDate
            self.addedTime = addedTime
            self.holdsPieces = holdsPieces
            self.pinned = pinned
        }
    }

    /// All registered torrents, those added first at the front.
    package func registrations() throws(StateStoreError) -> [Registration] {
        try read { database, path in
            let holding = try Self.infoHashes(in: "piece_page", database, path)
            let pinned = try Self.pinnedFiles(in: database, path: path)
            let version2Hashes = try Self.version2Hashes(in: database, path: path)
            // The index holds all of it.
            let rows = try Row.fetchCursor(
                database,
                sql: """
                    SELECT info_hash, added_time, creation_date
                    FROM torrent ORDER BY added_time, info_hash
                    """
            )
            var registrations: [Registration] = []
            while let row = try rows.next() {
                guard let infoHash = InfoHash(row, column: 0), let addedTime = row[1] as Int64?
                else { throw StateStoreError.corrupt(path: path, what: "a torrent cannot be read") }
                registrations.append(
                    Registration(
                        infoHash: infoHash,
                        version2Hash: version2Hashes[infoHash],
                        creationDate: row[2],
                        addedTime: addedTime,
                        holdsPieces: holding.contains(infoHash),
                        pinned: pinned[infoHash, default: .nothing]
                    )
                )
            }
            return registrations
        }
    }

    /// Registers torrents in one transaction, each as `register` does.
    ///
    /// - Parameter addedTime: seconds since 1970.
    package func register(
        _ metainfos: [Metainfo],
        addedTime: Int64
    ) throws(StateStoreError) -> [Registration] {
        try write { database, path in
            try metainfos.map { metainfo in
                try Self.register(metainfo, addedTime: addedTime, in: database)
                let row = try Row.fetchOne(
                    database.cachedStatement(
                        sql: """
                            SELECT creation_date, added_time,
                                EXISTS (SELECT 1 FROM piece_page p WHERE p.info_hash = ?1)
                            FROM torrent WHERE info_hash = ?1
                            """
                    ),
                    arguments: [Data(metainfo.infoHash.bytes)]
                )
                guard let row, let first = row[1] as Int64? else {
                    throw StateStoreError.corrupt(path: path, what: "a torrent is not there")
                }
                return try Registration(
                    infoHash: metainfo.infoHash,
                    version2Hash: metainfo.version2Hash,
                    creationDate: row[0],
                    addedTime: first,
                    holdsPieces: row[2] == 1,
                    pinned: Self.pinnedFiles(of: metainfo.infoHash, in: database, path: path)
                )
            }
        }
    }

    // MARK: Traffic

    /// What a torrent has moved in all its life.
    package struct Traffic: Equatable, Sendable {
        /// Bytes of payload.
        package var uploaded: UInt64
        package var downloaded: UInt64
        /// Time for which it was whole and offered to peers.
        package var seeded: Duration

        package init(uploaded: UInt64 = 0, downloaded: UInt64 = 0, seeded: Duration = .zero) {
            self.uploaded = uploaded
            self.downloaded = downloaded
            self.seeded = seeded
        }
    }

    package func traffic(of infoHash: InfoHash) throws(StateStoreError) -> Traffic {
        try read { database, path in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT uploaded, downloaded, seeded FROM traffic WHERE info_hash = ?",
                arguments: [Data(infoHash.bytes)]
            )
            guard let row else { return Traffic() }
            guard let uploaded = (row[0] as Int64?).flatMap(UInt64.init(exactly:)),
                let downloaded = (row[1] as Int64?).flatMap(UInt64.init(exactly:)),
                let seeded = row[2] as Int64?
            else { throw StateStoreError.corrupt(path: path, what: "traffic cannot be read") }
            return Traffic(uploaded: uploaded, downloaded: downloaded, seeded: .seconds(seeded))
        }
    }

    /// Replaces what is stored of a registered torrent; of another one nothing is stored.
    package func setTraffic(
        _ traffic: Traffic,
        of infoHash: InfoHash
    ) throws(StateStoreError) {
        try write { database, _ in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO traffic
                    SELECT info_hash, ?, ?, ? FROM torrent WHERE info_hash = ?
                    """,
                arguments: [
                    Int64(clamping: traffic.uploaded), Int64(clamping: traffic.downloaded),
                    traffic.seeded.components.seconds, Data(infoHash.bytes),
                ]
            )
        }
    }

    static func infoHashes(
        in table: String,
        _ database: Database,
        _ path: String
    ) throws -> Set<InfoHash> {
        let rows = try Row.fetchCursor(database, sql: "SELECT DISTINCT info_hash FROM \(table)")
        var found: Set<InfoHash> = []
        while let row = try rows.next() {
            let infoHash = try InfoHash(row, column: 0, path: path)
            found.insert(infoHash)
        }
        return found
    }
}

extension InfoHash {
    init(_ row: Row, column: Int, path: String) throws(StateStoreError) {
        guard let read = Self(row, column: column) else {
            throw .corrupt(path: path, what: "an info-hash has no 20 bytes")
        }
        self = read
    }

    /// - Returns: `nil` unless the column holds 20 bytes.
    init?(_ row: Row, column: Int) {
        let read = try? row.withUnsafeData(atIndex: column) { data -> InfoHash? in
            guard let data, data.count == Self.byteCount else { return nil }
            return data.withUnsafeBytes { InfoHash(prefixOf: $0) }
        }
        guard let infoHash = read ?? nil else { return nil }
        self = infoHash
    }
}

extension Schema {
    static func registerRegistrations(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("registrations") { database in
            try database.execute(
                sql: """
                    -- Beside it lies an info dictionary, of which a start reads nothing.
                    CREATE INDEX torrent_registration
                        ON torrent (added_time, info_hash, creation_date);
                    -- Torrents that the user wants whole.
                    CREATE TABLE pin (
                        info_hash BLOB NOT NULL PRIMARY KEY
                    ) WITHOUT ROWID;
                    CREATE TABLE traffic (
                        info_hash BLOB NOT NULL PRIMARY KEY,
                        uploaded INTEGER NOT NULL,   -- bytes
                        downloaded INTEGER NOT NULL, -- bytes
                        seeded INTEGER NOT NULL      -- seconds
                    ) WITHOUT ROWID;
                    -- Directories and files as they are shown: made of the info dictionary, and
                    -- smaller.
                    CREATE TABLE layout (
                        info_hash BLOB NOT NULL PRIMARY KEY,
                        summary BLOB NOT NULL,
                        data BLOB NOT NULL
                    );
                    -- What a torrent file was when it was last read.
                    CREATE TABLE torrent_file (
                        path TEXT NOT NULL PRIMARY KEY,
                        stamp BLOB NOT NULL,
                        info_hash BLOB -- NULL: no torrent
                    ) WITHOUT ROWID;
                    """
            )
        }
    }
}
