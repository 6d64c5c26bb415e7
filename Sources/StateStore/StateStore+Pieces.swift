package import BitTorrentProtocol
import Foundation  // for `Data`, the only form in which GRDB takes and gives blobs
import GRDB

extension StateStore {
    /// Pieces in a page: a torrent of a million pieces then rewrites 512 bytes for a piece, not
    /// 128 KiB.
    package static let piecesPerPage = 4096

    /// The recorded pieces of a torrent of `count` pieces.
    package func completedPieces(
        of infoHash: InfoHash,
        count: Int
    ) throws(StateStoreError) -> Bitfield {
        try read { database, path in
            let rows = try Row.fetchCursor(
                database,
                sql: "SELECT page, bits FROM piece_page WHERE info_hash = ?",
                arguments: [Data(infoHash.bytes)]
            )
            var bytes = [UInt8](repeating: 0, count: (count + 7) / 8)
            while let row = try rows.next() {
                guard let page = row["page"] as Int?, let bits = row["bits"] as Data?, page >= 0,
                    page <= count / Self.piecesPerPage, bits.count == Self.piecesPerPage / 8
                else { throw StateStoreError.corrupt(path: path, what: "pieces cannot be read") }
                let start = page * Self.piecesPerPage / 8
                for (offset, byte) in bits.enumerated() where start + offset < bytes.count {
                    bytes[start + offset] = byte
                }
            }
            guard let pieces = Bitfield(bytes: bytes, count: count) else {
                throw StateStoreError.corrupt(path: path, what: "a torrent has too many pieces")
            }
            return pieces
        }
    }

    /// Records pieces whose bytes are on disk; recording one twice changes nothing.
    package func recordCompleted(
        _ pieces: [InfoHash: [PieceIndex]]
    ) throws(StateStoreError) {
        try write { database, _ in try Self.record(pieces, in: database) }
    }

    /// Forgets all recorded pieces of the torrent but `kept`.
    package func replaceCompleted(
        of infoHash: InfoHash,
        with kept: Bitfield
    ) throws(StateStoreError) {
        let pieces = (0..<kept.count).map { PieceIndex($0) }.filter { kept[$0] }
        try write { database, _ in
            try database.execute(
                sql: "DELETE FROM piece_page WHERE info_hash = ?",
                arguments: [Data(infoHash.bytes)]
            )
            try Self.record([infoHash: pieces], in: database)
        }
    }

    static func record(_ pieces: [InfoHash: [PieceIndex]], in database: Database) throws {
        for (infoHash, indexes) in pieces {
            try change(
                indexes.map { PieceRecord(piece: $0, isComplete: true) },
                of: infoHash,
                in: database
            )
        }
    }

    /// Takes changes in their order.
    static func change(
        _ records: [PieceRecord],
        of infoHash: InfoHash,
        in database: Database
    ) throws {
        let pages = Dictionary(grouping: records) { Int($0.piece.rawValue) / piecesPerPage }
        for (page, records) in pages {
            let stored = try Data.fetchOne(
                database.cachedStatement(
                    sql: "SELECT bits FROM piece_page WHERE info_hash = ? AND page = ?"
                ),
                arguments: [Data(infoHash.bytes), page]
            )
            var bits = stored.map { [UInt8]($0) } ?? Array(repeating: 0, count: piecesPerPage / 8)
            for record in records {
                let position = Int(record.piece.rawValue) % piecesPerPage
                let bit = UInt8(0x80) >> UInt8(position % 8)
                if record.isComplete {
                    bits[position / 8] |= bit
                } else {
                    bits[position / 8] &= ~bit
                }
            }
            try store(bits, page: page, of: infoHash, in: database)
        }
    }
}

/// That a piece is cached, or is no longer.
struct PieceRecord: Sendable {
    let piece: PieceIndex
    let isComplete: Bool
}
