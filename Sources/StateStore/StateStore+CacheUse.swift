package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

// What outlives the process of the use that is made of the cache.

extension StateStore {
    /// How the cached pieces of a torrent stand while it is cold.
    package struct CacheUse: Equatable, Sendable {
        /// Bytes of a piece, so that pieces can be evicted of a torrent that is not loaded.
        package var pieceLength: UInt32
        /// Seconds since 1970.
        package var lastRead: UInt32
        /// The run (`beginRun`) since which all its pieces are known to be what they should be.
        package var checkedRun: Int64

        package init(pieceLength: UInt32, lastRead: UInt32, checkedRun: Int64) {
            self.pieceLength = pieceLength
            self.lastRead = lastRead
            self.checkedRun = checkedRun
        }
    }

    /// Of all torrents of which something was cached.
    package func cacheUses() throws(StateStoreError) -> [InfoHash: CacheUse] {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT info_hash, piece_length, last_read, checked_run FROM cache_use"
            )
            var uses: [InfoHash: CacheUse] = [:]
            while let row = try rows.next() {
                let infoHash = try InfoHash(row, column: 0, path: path)
                uses[infoHash] = try CacheUse(row, firstColumn: 1, path: path)
            }
            return uses
        }
    }

    package func cacheUse(of infoHash: InfoHash) throws(StateStoreError) -> CacheUse? {
        try read { database, path in
            try Row.fetchOne(
                database,
                sql:
                    "SELECT piece_length, last_read, checked_run FROM cache_use WHERE info_hash = ?",
                arguments: [Data(infoHash.bytes)]
            ).map { try CacheUse($0, firstColumn: 0, path: path) }
        }
    }

    /// Replaces what is stored of a registered torrent; of another one nothing is stored.
    package func setCacheUse(_ use: CacheUse, of infoHash: InfoHash) throws(StateStoreError) {
        try write { database, _ in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO cache_use
                    SELECT info_hash, ?, ?, ? FROM torrent WHERE info_hash = ?
                    """,
                arguments: [use.pieceLength, use.lastRead, use.checkedRun, Data(infoHash.bytes)]
            )
        }
    }

    /// All recorded pieces of a torrent are known to be what they should be, in the run of that number.
    package func setChecked(_ infoHash: InfoHash, in run: Int64) throws(StateStoreError) {
        try write { database, _ in
            try database.execute(
                sql: "UPDATE cache_use SET checked_run = ? WHERE info_hash = ?",
                arguments: [run, Data(infoHash.bytes)]
            )
        }
    }

    /// Forgets up to `count` recorded pieces of a torrent, those at its end.
    ///
    /// Touches as many pages of pieces as it forgets pieces of, whatever the torrent's size.
    ///
    /// - Parameter isKept: pieces that are passed over.
    /// - Returns: the pieces that are recorded no longer; empty if none were.
    package func forgetLastPieces(
        of infoHash: InfoHash,
        count: Int,
        isKept: (PieceIndex) -> Bool = { _ in false }
    ) throws(StateStoreError) -> [PieceIndex] {
        try write { database, path in
            var forgotten: [PieceIndex] = []
            var above = Int.max
            while forgotten.count < count,
                let row = try Row.fetchOne(
                    database,
                    sql: """
                        SELECT page, bits FROM piece_page WHERE info_hash = ? AND page < ?
                        ORDER BY page DESC LIMIT 1
                        """,
                    arguments: [Data(infoHash.bytes), above]
                )
            {
                guard let page = row[0] as Int?, let stored = row[1] as Data?,
                    stored.count == Self.piecesPerPage / 8
                else { throw StateStoreError.corrupt(path: path, what: "pieces cannot be read") }
                above = page
                var bits = [UInt8](stored)
                for position in bits.indices.reversed() where bits[position] != 0 {
                    for bit in (0..<8).reversed() where bits[position] & (0x80 >> bit) != 0 {
                        guard forgotten.count < count else { break }
                        let piece = PieceIndex(page * Self.piecesPerPage + position * 8 + bit)
                        if isKept(piece) { continue }
                        bits[position] &= ~(0x80 >> bit)
                        forgotten.append(piece)
                    }
                }
                try Self.store(bits, page: page, of: infoHash, in: database)
            }
            return forgotten
        }
    }

    /// Writes a page of pieces; an empty one is removed.
    static func store(
        _ bits: [UInt8],
        page: Int,
        of infoHash: InfoHash,
        in database: Database
    ) throws {
        if bits.allSatisfy({ $0 == 0 }) {
            try database.cachedStatement(
                sql: "DELETE FROM piece_page WHERE info_hash = ? AND page = ?"
            ).execute(arguments: [Data(infoHash.bytes), page])
        } else {
            try database.cachedStatement(
                sql: "INSERT OR REPLACE INTO piece_page VALUES (?, ?, ?)"
            ).execute(arguments: [Data(infoHash.bytes), page, Data(bits)])
        }
    }

    // MARK: Runs

    /// Marks the state as in use, durably even if the power fails, until `endRun`.
    ///
    /// - Parameter boot: a name of the time since the machine started; `nil` if it is not known.
    /// - Returns: the number of this run. It is that of the run before if that one ended, and the
    ///   machine has not been started again since; else what is cached may be damaged, and the number
    ///   is a new one.
    package func beginRun(boot: String?) throws(StateStoreError) -> Int64 {
        try writeDurably { database, path in
            let number = try Self.nextRun(boot: boot, in: database, path: path)
            try Self.setRun("\(number)", in: database)
            return number
        }
    }

    /// What `beginRun` would return, if it came before the machine is started again.
    package func nextRun(boot: String?) throws(StateStoreError) -> Int64 {
        try read { try Self.nextRun(boot: boot, in: $0, path: $1) }
    }

    private static func nextRun(boot: String?, in database: Database, path: String) throws -> Int64
    {
        let last = try run(in: database, path: path)
        return boot != nil && last.endedIn == boot ? last.number : last.number + 1
    }

    /// Everything that the run has recorded was written.
    package func endRun(boot: String?) throws(StateStoreError) {
        guard let boot else { return }
        try write { database, path in
            let number = try Self.run(in: database, path: path).number
            try Self.setRun("\(number) \(boot)", in: database)
        }
    }

    /// The number of the last run, which may go on.
    package func lastRun() throws(StateStoreError) -> Int64 {
        try read { database, path in try Self.run(in: database, path: path).number }
    }

    private static func setRun(_ text: String, in database: Database) throws {
        try database.execute(
            sql: "INSERT OR REPLACE INTO setting VALUES ('run', ?)",
            arguments: [Data(text.utf8)]
        )
    }

    /// - Returns: the number, and in which time of the machine it ended.
    private static func run(
        in database: Database,
        path: String
    ) throws -> (number: Int64, endedIn: String?) {
        let stored = try Data.fetchOne(database, sql: "SELECT value FROM setting WHERE key = 'run'")
        // A state from before there were runs is trusted as little as one that was not ended.
        guard let stored else { return (0, nil) }
        let words = String(decoding: stored, as: UTF8.self).split(separator: " ")
        guard let number = words.first.flatMap({ Int64($0) }) else {
            throw StateStoreError.corrupt(path: path, what: "the number of the run cannot be read")
        }
        return (number, words.count > 1 ? String(words[1]) : nil)
    }
}

extension StateStore.CacheUse {
    fileprivate init(_ row: Row, firstColumn: Int, path: String) throws {
        guard let pieceLength = (row[firstColumn] as Int64?).flatMap(UInt32.init(exactly:)),
            let lastRead = (row[firstColumn + 1] as Int64?).flatMap(UInt32.init(exactly:)),
            let checkedRun = row[firstColumn + 2] as Int64?
        else { throw StateStoreError.corrupt(path: path, what: "the use of the cache") }
        self.init(pieceLength: pieceLength, lastRead: lastRead, checkedRun: checkedRun)
    }
}

extension Schema {
    static func registerCacheUse(in migrator: inout DatabaseMigrator) {
        migrator.registerMigration("cache use") { database in
            try database.execute(
                sql: """
                    CREATE TABLE cache_use (
                        info_hash BLOB NOT NULL PRIMARY KEY,
                        piece_length INTEGER NOT NULL, -- bytes
                        last_read INTEGER NOT NULL,    -- seconds since 1970
                        checked_run INTEGER NOT NULL
                    ) WITHOUT ROWID;
                    """
            )
        }
    }
}
