import Bencode

/// Makes the bytes of a v1 `.torrent` file (BEP 3, BEP 12, BEP 19, BEP 27).
package struct MetainfoBuilder: Sendable {
    package struct File: Sendable {
        /// Components below the torrent's name.
        package var path: [String]
        package var length: UInt64
        /// The letters of `attr` (BEP 47), or empty.
        package var attributes: String

        package init(path: [String], length: UInt64, attributes: String = "") {
            self.path = path
            self.length = length
            self.attributes = attributes
        }
    }

    package var name: String
    /// One file without a path makes the single-file form.
    package var files: [File]
    package var pieceLength: UInt32
    /// SHA-1 of each piece, 20 bytes each, in order.
    package var pieceHashes: [UInt8]
    package var trackerTiers: [[String]] = []
    /// URLs of web seeds (BEP 19).
    package var webSeeds: [String] = []
    /// Seconds since 1970.
    package var creationDate: Int64?
    package var isPrivate = false

    package init(
        name: String,
        files: [File],
        pieceLength: UInt32,
        pieceHashes: [UInt8],
        trackerTiers: [[String]] = [],
        creationDate: Int64? = nil,
        isPrivate: Bool = false
    ) {
        self.name = name
        self.files = files
        self.pieceLength = pieceLength
        self.pieceHashes = pieceHashes
        self.trackerTiers = trackerTiers
        self.creationDate = creationDate
        self.isPrivate = isPrivate
    }

    /// The info dictionary; its SHA-1 is the info-hash.
    package var infoBytes: [UInt8] {
        var info: BencodeItem = [
            "name": .text(name),
            "piece length": .integer(Int64(pieceLength)),
            "pieces": .string(pieceHashes),
        ]
        if files.count == 1, files[0].path.isEmpty {
            info.set("length", to: .integer(Int64(files[0].length)))
            if !files[0].attributes.isEmpty { info.set("attr", to: .text(files[0].attributes)) }
        } else {
            info.set("files", to: .list(files.map(Self.item)))
        }
        if isPrivate { info.set("private", to: 1) }
        return BencodeEncoder.encode(info)
    }

    /// The `.torrent` file.
    package var metainfoBytes: [UInt8] {
        var top: BencodeItem = ["info": .encoded(infoBytes)]
        if let first = trackerTiers.first?.first { top.set("announce", to: .text(first)) }
        if trackerTiers.joined().count > 1 {
            let tiers = trackerTiers.map { BencodeItem.list($0.map { .text($0) }) }
            top.set("announce-list", to: .list(tiers))
        }
        if !webSeeds.isEmpty { top.set("url-list", to: .list(webSeeds.map { .text($0) })) }
        top.set("creation date", to: creationDate.map { .integer($0) })
        return BencodeEncoder.encode(top)
    }

    private static func item(_ file: File) -> BencodeItem {
        var item: BencodeItem = [
            "length": .integer(Int64(file.length)),
            "path": .list(file.path.map { .text($0) }),
        ]
        if !file.attributes.isEmpty { item.set("attr", to: .text(file.attributes)) }
        return item
    }
}
