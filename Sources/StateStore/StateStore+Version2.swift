package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

// What a v2 or hybrid torrent has besides (BEP 52): its whole hash, and the hashes of its pieces.
extension StateStore {
    /// Keeps piece layers that were checked against the torrent's roots; one that is there already
    /// stays as it is, and nothing is kept of a torrent that is not registered.
    package func recordPieceLayers(
        _ layers: PieceLayers,
        of infoHash: InfoHash
    ) throws(StateStoreError) {
        try write { database, _ in try Self.record(layers, of: infoHash, in: database) }
    }

    static func recordVersion2(of metainfo: Metainfo, in database: Database) throws {
        guard let hash = metainfo.version2Hash else { return }
        try database.execute(
            sql: "INSERT OR IGNORE INTO version2 VALUES (?, ?)",
            arguments: [Data(metainfo.infoHash.bytes), Data(hash.bytes)]
        )
        try record(metainfo.pieceLayers, of: metainfo.infoHash, in: database)
    }

    private static func record(
        _ layers: PieceLayers,
        of infoHash: InfoHash,
        in database: Database
    ) throws {
        for (root, hashes) in layers {
            try database.execute(
                sql: """
                    INSERT OR IGNORE INTO piece_layer
                    SELECT info_hash, ?, ? FROM version2 WHERE info_hash = ?
                    """,
                arguments: [
                    Data(root.bytes), Data(hashes.joinedBytes), Data(infoHash.bytes),
                ]
            )
        }
    }

    /// The recorded layers of a torrent.
    static func pieceLayers(
        of infoHash: InfoHash,
        in database: Database,
        path: String
    ) throws -> PieceLayers {
        var layers: PieceLayers = [:]
        let rows = try Row.fetchCursor(
            database.cachedStatement(
                sql: "SELECT pieces_root, hashes FROM piece_layer WHERE info_hash = ?"
            ),
            arguments: [Data(infoHash.bytes)]
        )
        while let row = try rows.next() {
            guard let root = (row[0] as Data?).flatMap({ SHA256Digest(bytes: $0) }),
                let hashes = (row[1] as Data?).flatMap({ SHA256Digest.list($0) })
            else { throw StateStoreError.corrupt(path: path, what: "a piece layer cannot be read") }
            layers[root] = hashes
        }
        return layers
    }

    /// The whole hashes of all v2 and hybrid torrents.
    static func version2Hashes(
        in database: Database,
        path: String
    ) throws -> [InfoHash: Version2InfoHash] {
        var hashes: [InfoHash: Version2InfoHash] = [:]
        let rows = try Row.fetchCursor(database, sql: "SELECT info_hash, hash FROM version2")
        while let row = try rows.next() {
            guard let infoHash = InfoHash(row, column: 0),
                let hash = (row[1] as Data?).flatMap({ Version2InfoHash(bytes: $0) })
            else { throw StateStoreError.corrupt(path: path, what: "a v2 hash cannot be read") }
            hashes[infoHash] = hash
        }
        return hashes
    }
}

extension Schema {
    static func registerVersion2(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("version 2") { database in
            try database.execute(
                sql: """
                    -- The SHA-256 of info dictionaries of v2 and hybrid torrents (BEP 52).
                    CREATE TABLE version2 (
                        info_hash BLOB NOT NULL PRIMARY KEY,
                        hash BLOB NOT NULL
                    ) WITHOUT ROWID;
                    -- Hashes of the pieces of one file, 32 bytes each.
                    CREATE TABLE piece_layer (
                        info_hash BLOB NOT NULL,
                        pieces_root BLOB NOT NULL,
                        hashes BLOB NOT NULL,
                        PRIMARY KEY (info_hash, pieces_root)
                    );
                    """
            )
        }
    }
}
