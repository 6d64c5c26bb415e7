package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

extension StateStore {
    /// How the files of a torrent are shown, in the form of whoever shows them.
    package struct LayoutRecord: Equatable, Sendable {
        package let infoHash: InfoHash
        /// What is wanted of every torrent.
        package let summary: [UInt8]
        /// What is wanted of a torrent whose files are looked at.
        package let layout: [UInt8]

        package init(infoHash: InfoHash, summary: [UInt8], layout: [UInt8]) {
            self.infoHash = infoHash
            self.summary = summary
            self.layout = layout
        }
    }

    /// Stores or replaces layouts in one transaction.
    package func record(layouts: [LayoutRecord]) throws(StateStoreError) {
        try write { database, _ in
            for record in layouts {
                try database.cachedStatement(sql: "INSERT OR REPLACE INTO layout VALUES (?, ?, ?)")
                    .execute(arguments: [
                        Data(record.infoHash.bytes), Data(record.summary), Data(record.layout),
                    ])
            }
        }
    }

    package func layoutSummaries() throws(StateStoreError) -> [InfoHash: [UInt8]] {
        try read { database, path in
            let rows = try Row.fetchCursor(database, sql: "SELECT info_hash, summary FROM layout")
            var summaries: [InfoHash: [UInt8]] = [:]
            while let row = try rows.next() {
                guard let infoHash = InfoHash(row, column: 0), let summary = row[1] as Data? else {
                    throw StateStoreError.corrupt(path: path, what: "a layout cannot be read")
                }
                summaries[infoHash] = Array(summary)
            }
            return summaries
        }
    }

    package func layoutSummaries(
        of infoHashes: [InfoHash]
    ) throws(StateStoreError) -> [InfoHash: [UInt8]] {
        try read { database, _ in
            var summaries: [InfoHash: [UInt8]] = [:]
            for infoHash in infoHashes {
                summaries[infoHash] = try Data.fetchOne(
                    database.cachedStatement(sql: "SELECT summary FROM layout WHERE info_hash = ?"),
                    arguments: [Data(infoHash.bytes)]
                ).map { Array($0) }
            }
            return summaries
        }
    }

    /// - Returns: `nil` if none is stored.
    package func layout(of infoHash: InfoHash) throws(StateStoreError) -> [UInt8]? {
        try read { database, _ in
            try Data.fetchOne(
                database.cachedStatement(sql: "SELECT data FROM layout WHERE info_hash = ?"),
                arguments: [Data(infoHash.bytes)]
            ).map { Array($0) }
        }
    }
}
