package import BitTorrentProtocol
// For `Data`, the only form in which GRDB takes and gives blobs, and for JSON.
import Foundation
import GRDB
import Synchronization

/// What outlives the process: torrents, verified pieces, settings.
///
/// One SQLite file in the state directory, which one process at a time may hold.
///
/// The methods wait for the disk: they are not for event loops.
package final class StateStore: Sendable {
    /// A torrent as it was registered.
    package struct TorrentRecord: Equatable, Sendable {
        package let infoHash: InfoHash
        /// The info dictionary exactly as found.
        package let infoBytes: [UInt8]
        package let trackerTiers: [[String]]
        package let webSeeds: [WebSeed]
        /// Seconds since 1970.
        package let creationDate: Int64?
        /// When the torrent was first registered, seconds since 1970; it never changes.
        package let addedTime: Int64
        /// Of a v2 torrent, as far as they are known.
        package let pieceLayers: PieceLayers
    }

    /// The name of a setting.
    package struct SettingKey: Sendable {
        package let rawValue: String
        /// Signs file handles: 16 random bytes.
        package static let handleKey = Self(rawValue: "handle_key")
        /// The `key` of announces (BEP 7): four random bytes.
        package static let announceKey = Self(rawValue: "announce_key")

        package init(rawValue: String) { self.rawValue = rawValue }
    }

    /// Reads go on beside a write.
    let queue: DatabasePool
    let path: String
    private let lock: DirectoryLock?

    /// Opens the state in `directory`, which is made if it does not exist.
    package init(directory: String) throws(StateStoreError) {
        try DirectoryLock.makeDirectory(directory)
        lock = try DirectoryLock(directory: directory)
        path = "\(directory)/state.sqlite"
        var configuration = Configuration()
        // For a person with the sqlite3 tool; servers are kept apart by the lock.
        configuration.busyMode = .timeout(5)
        configuration.label = "state"
        configuration.prepareDatabase { database in
            // In WAL mode a commit then survives the end of the process, but for a power failure
            // only from the next checkpoint on.
            try database.execute(sql: "PRAGMA synchronous = NORMAL")
        }
        do {
            queue = try DatabasePool(path: path, configuration: configuration)
            try Schema.migrator.migrate(queue)
        } catch {
            throw .database(path: path, reason: "\(error)")
        }
    }

    /// Opens the state in `directory` for reading alone, whether or not a server has it.
    package init(reading directory: String) throws(StateStoreError) {
        lock = nil
        path = "\(directory)/state.sqlite"
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            queue = try DatabasePool(path: path, configuration: configuration)
        } catch {
            throw .database(path: path, reason: "\(error)")
        }
    }

    // MARK: Torrents

    /// Registers a torrent; one that is registered already keeps its record, with its first added
    /// time, and takes over the trackers and web seeds of `metainfo`.
    ///
    /// A magnet link of it is done with.
    ///
    /// - Parameter addedTime: seconds since 1970.
    package func register(
        _ metainfo: Metainfo,
        addedTime: Int64
    ) throws(StateStoreError) -> TorrentRecord {
        try write { database, path in
            try Self.register(metainfo, addedTime: addedTime, in: database)
            let row = try Row.fetchOne(
                database,
                sql: "SELECT * FROM torrent WHERE info_hash = ?",
                arguments: [Data(metainfo.infoHash.bytes)]
            )
            guard let row else {
                throw StateStoreError.corrupt(path: path, what: "a torrent is not there")
            }
            return try TorrentRecord(row, pieceLayers: metainfo.pieceLayers, path: path)
        }
    }

    static func register(
        _ metainfo: Metainfo,
        addedTime: Int64,
        in database: Database
    ) throws {
        func json(_ value: some Encodable) throws -> String {
            String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
        }
        try database.cachedStatement(
            sql: """
                INSERT INTO torrent
                (info_hash, info, tracker_tiers, web_seeds, creation_date, added_time)
                VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (info_hash) DO UPDATE SET
                tracker_tiers = excluded.tracker_tiers, web_seeds = excluded.web_seeds
                WHERE tracker_tiers <> excluded.tracker_tiers OR web_seeds <> excluded.web_seeds
                """
        ).execute(arguments: [
            Data(metainfo.infoHash.bytes), Data(metainfo.infoBytes),
            try json(metainfo.trackerTiers),
            try json(metainfo.webSeeds.map(StoredWebSeed.init)),
            metainfo.creationDate, addedTime,
        ])
        for name in metainfo.swarmHashes.all { try removeMagnet(name, in: database) }
        try recordVersion2(of: metainfo, in: database)
    }

    /// A registered torrent, or `nil`.
    package func torrent(_ infoHash: InfoHash) throws(StateStoreError) -> TorrentRecord? {
        try read { database, path in
            try Row.fetchOne(
                database.cachedStatement(sql: "SELECT * FROM torrent WHERE info_hash = ?"),
                arguments: [Data(infoHash.bytes)]
            ).map { row in
                let layers = try Self.pieceLayers(of: infoHash, in: database, path: path)
                return try TorrentRecord(row, pieceLayers: layers, path: path)
            }
        }
    }

    /// Forgets the torrent and its pieces.
    package func removeTorrent(_ infoHash: InfoHash) throws(StateStoreError) {
        try write { database, _ in
            let key: StatementArguments = [Data(infoHash.bytes)]
            for table in [
                "torrent", "piece_page", "layout", "traffic", "pin", "pinned_files", "version2",
                "piece_layer", "cache_use",
            ] {
                try database.execute(
                    sql: "DELETE FROM \(table) WHERE info_hash = ?",
                    arguments: key
                )
            }
        }
    }

    // MARK: Settings

    package func setting(_ key: SettingKey) throws(StateStoreError) -> [UInt8]? {
        try read { database, _ in
            try Data.fetchOne(
                database,
                sql: "SELECT value FROM setting WHERE key = ?",
                arguments: [key.rawValue]
            )
        }.map { Array($0) }
    }

    /// The value of the setting; `initial` is stored, once and for all, if it has none.
    package func setting(
        _ key: SettingKey,
        orStore initial: [UInt8]
    ) throws(StateStoreError) -> [UInt8] {
        try set(key, to: initial, replacing: false)
        return try setting(key) ?? initial
    }

    package func setSetting(_ key: SettingKey, to value: [UInt8]) throws(StateStoreError) {
        try set(key, to: value, replacing: true)
    }

    private func set(
        _ key: SettingKey,
        to value: [UInt8],
        replacing: Bool
    ) throws(StateStoreError) {
        try write { database, _ in
            try database.execute(
                sql: "INSERT OR \(replacing ? "REPLACE" : "IGNORE") INTO setting VALUES (?, ?)",
                arguments: [key.rawValue, Data(value)]
            )
        }
    }

    // MARK: Access

    func read<Value>(
        _ body: (Database, String) throws -> Value
    ) throws(StateStoreError) -> Value {
        try mapErrors { try queue.read { try body($0, path) } }
    }

    func write<Value>(
        _ body: (Database, String) throws -> Value
    ) throws(StateStoreError) -> Value {
        try mapErrors { try queue.write { try body($0, path) } }
    }

    /// As `write`; what was written outlives a power failure when it returns.
    func writeDurably<Value>(
        _ body: (Database, String) throws -> Value
    ) throws(StateStoreError) -> Value {
        try mapErrors {
            try queue.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
                defer { try? database.execute(sql: "PRAGMA synchronous = NORMAL") }
                var value: Value?
                try database.inTransaction {
                    value = try body(database, path)
                    return .commit
                }
                guard let value else {
                    throw StateStoreError.corrupt(path: path, what: "nothing was written")
                }
                return value
            }
        }
    }

    private func mapErrors<Value>(_ body: () throws -> Value) throws(StateStoreError) -> Value {
        do {
            return try body()
        } catch let error as StateStoreError {
            throw error
        } catch {
            throw .database(path: path, reason: "\(error)")
        }
    }
}

/// A web seed as JSON.
private struct StoredWebSeed: Codable {
    let url: String
    let style: String

    init(_ seed: WebSeed) {
        url = seed.url
        style = seed.style.rawValue
    }

    var webSeed: WebSeed? { WebSeed.Style(rawValue: style).flatMap { WebSeed(url, style: $0) } }
}

extension StateStore.TorrentRecord {
    fileprivate init(_ row: Row, pieceLayers: PieceLayers, path: String) throws {
        guard let hash = row["info_hash"] as Data?, let infoHash = InfoHash(bytes: hash),
            let info = row["info"] as Data?, let tiers = row["tracker_tiers"] as String?,
            let trackerTiers = try? JSONDecoder().decode([[String]].self, from: Data(tiers.utf8)),
            let seeds = row["web_seeds"] as String?,
            let webSeeds = try? JSONDecoder().decode([StoredWebSeed].self, from: Data(seeds.utf8)),
            let addedTime = row["added_time"] as Int64?
        else { throw StateStoreError.corrupt(path: path, what: "a torrent cannot be read") }
        self.init(
            infoHash: infoHash,
            infoBytes: Array(info),
            trackerTiers: trackerTiers,
            webSeeds: webSeeds.compactMap(\.webSeed),
            creationDate: row["creation_date"],
            addedTime: addedTime,
            pieceLayers: pieceLayers
        )
    }
}
