import BitTorrentProtocol
import PieceStorage
import StateStore

/// The torrent that a folder makes at one moment, and where each of its bytes lies.
struct FolderVersion: Sendable {
    let metainfo: Metainfo
    let files: [FolderFiles.File]

    /// - Parameter hashed: in the order of the listing, at least one of them not empty.
    /// - Throws: if the metainfo would be larger than what other programs take.
    init(
        of folder: ServedFolder,
        pieceLength: UInt32,
        hashed: [(file: FolderListing.File, hashes: FileHashes)],
        creationDate: Int64
    ) throws(MetainfoError) {
        var builder = MetainfoBuilder(
            name: folder.name,
            alignedFiles: hashed.map { .init(path: $0.file.path, hashes: $0.hashes) },
            pieceLength: pieceLength
        )
        builder.trackerTiers = folder.trackers.map { [$0] }
        builder.isPrivate = folder.isPrivate
        builder.creationDate = creationDate
        metainfo = try Metainfo(parsing: builder.metainfoBytes)
        let shown = metainfo.info.files.filter { !$0.attributes.contains(.padding) }
        files = zip(shown, hashed).map { shown, hashed in
            FolderFiles.File(
                path: hashed.file.name,
                offset: shown.offset,
                length: shown.length,
                stamp: hashed.file.stamp
            )
        }
    }

    /// As it was stored.
    ///
    /// A file that was hashed anew since, and has other hashes now, has no stamp: it cannot be read.
    init(
        of folder: ServedFolder,
        stored record: StateStore.FolderRecord,
        files records: [StateStore.FolderFileRecord]
    ) throws(MetainfoError) {
        let metainfo = try Metainfo(
            infoBytes: record.metainfo.infoBytes,
            trackerTiers: folder.trackers.map { [$0] },
            creationDate: record.addedTime
        )
        let known = Dictionary(records.map { ($0.path, $0) }) { first, _ in first }
        self.metainfo = metainfo
        files = metainfo.info.files.filter { !$0.attributes.contains(.padding) }.map { file in
            let path = file.path.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "/")
            let record = known[path].flatMap {
                Self.isHashed($0, as: file, in: metainfo.info) ? $0 : nil
            }
            return FolderFiles.File(
                path: path,
                offset: file.offset,
                length: file.length,
                stamp: record.flatMap { FileStamp(bytes: $0.stamp) }
            )
        }
    }

    private static func isHashed(
        _ record: StateStore.FolderFileRecord,
        as file: TorrentInfo.File,
        in info: TorrentInfo
    ) -> Bool {
        let pieceLength = info.geometry.pieceLength
        guard record.pieceLength == pieceLength, record.hashes.length == file.length,
            file.offset % UInt64(pieceLength) == 0
        else { return false }
        guard file.length > 0 else { return true }
        let hashes = record.hashes
        let start = Int(file.offset / UInt64(pieceLength)) * 20
        let end = start + hashes.pieceHashes.count
        guard end <= info.pieceHashes.count, hashes.pieceHashes.count >= 20 else { return false }
        let last = info.pieceHashes[end - 20..<end]
        return info.pieceHashes[start..<end - 20].elementsEqual(hashes.pieceHashes.dropLast(20))
            && (last.elementsEqual(hashes.pieceHashes.suffix(20))
                || last.elementsEqual(hashes.tailHash))
    }

    /// How others find it.
    var magnet: MagnetLink? {
        var link = MagnetLink(infoHash: metainfo.infoHash)
        link?.displayName = String(decoding: metainfo.info.name, as: UTF8.self)
        link?.trackers = metainfo.trackerTiers.flatMap(\.self)
        return link
    }
}
