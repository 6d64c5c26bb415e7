package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

extension StateStore {
    /// What a torrent file was when it was last read.
    package struct TorrentFileRecord: Equatable, Sendable {
        /// Absolute.
        package let path: String
        /// What tells that the file is still the same, as its reader writes it.
        package let stamp: [UInt8]
        /// `nil` if it was no torrent.
        package let infoHash: InfoHash?

        package init(path: String, stamp: [UInt8], infoHash: InfoHash?) {
            self.path = path
            self.stamp = stamp
            self.infoHash = infoHash
        }
    }

    package func torrentFiles() throws(StateStoreError) -> [TorrentFileRecord] {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT path, stamp, info_hash FROM torrent_file"
            )
            var records: [TorrentFileRecord] = []
            while let row = try rows.next() {
                guard let file = row[0] as String?, let stamp = row[1] as Data? else {
                    throw StateStoreError.corrupt(path: path, what: "a file cannot be read")
                }
                records.append(
                    TorrentFileRecord(
                        path: file,
                        stamp: Array(stamp),
                        infoHash: InfoHash(row, column: 2)
                    )
                )
            }
            return records
        }
    }

    /// Stores or replaces what was read, and forgets other files, in one transaction.
    package func record(
        torrentFiles: [TorrentFileRecord],
        forgetting paths: [String] = []
    ) throws(StateStoreError) {
        guard !torrentFiles.isEmpty || !paths.isEmpty else { return }
        try write { database, _ in
            for file in torrentFiles {
                try database.cachedStatement(
                    sql: "INSERT OR REPLACE INTO torrent_file VALUES (?, ?, ?)"
                ).execute(arguments: [
                    file.path, Data(file.stamp), file.infoHash.map { Data($0.bytes) },
                ])
            }
            for path in paths {
                try database.cachedStatement(sql: "DELETE FROM torrent_file WHERE path = ?")
                    .execute(arguments: [path])
            }
        }
    }
}
