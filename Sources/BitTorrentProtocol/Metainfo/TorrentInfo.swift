/// A validated info dictionary (BEP 3, BEP 47, BEP 52): once made, nothing in it needs a second check.
package struct TorrentInfo: Sendable {
    /// Name of the single file or of the top directory: `name.utf-8` where valid, else `name`; that of
    /// the file in the file tree if it is the only one of a v2 torrent.
    ///
    /// Raw bytes as the torrent has them; whoever shows them makes them safe.
    package let name: [UInt8]
    /// Which descriptions the dictionary holds.
    package let version: Version
    /// True for the `length` form, and for a file tree of one file: no directory.
    package let isSingleFile: Bool
    /// In torrent order, padding included; `files[i].offset` ascends: without gaps, but that the files
    /// of a v2 torrent begin on piece boundaries.
    package let files: [File]
    package let geometry: PieceGeometry
    /// SHA-1 of each piece, 20 bytes each, in order; none in a torrent of v2 alone.
    package let pieceHashes: [UInt8]
    /// The files' hash trees of v2 (BEP 52); `nil` for a v1 torrent.
    package let hashTrees: HashTrees?
    /// BEP 27.
    package let isPrivate: Bool

    /// `meta version` (BEP 52) and what else there is.
    package enum Version: Sendable {
        case version1
        case version2
        /// Both describe the same files.
        case hybrid

        package var hasVersion1: Bool { self != .version2 }
        package var hasVersion2: Bool { self != .version1 }
    }

    package struct File: Sendable {
        /// Path components below `name`, raw; empty in the single-file form.
        package let path: [[UInt8]]
        package let length: UInt64
        /// Offset of its first byte in the torrent.
        package let offset: UInt64
        package let attributes: Attributes
        /// Where a symbolic link points, as components below `name` (BEP 47).
        ///
        /// Raw and not resolved; empty if the torrent does not say, `nil` if the file is no link.
        package let symlinkTarget: [[UInt8]]?

        package init(
            path: [[UInt8]],
            length: UInt64,
            offset: UInt64,
            attributes: Attributes,
            symlinkTarget: [[UInt8]]? = nil
        ) {
            self.path = path
            self.length = length
            self.offset = offset
            self.attributes = attributes
            self.symlinkTarget = symlinkTarget
        }
    }

    /// The `attr` letters of BEP 47.
    package struct Attributes: OptionSet, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let padding = Self(rawValue: 1)
        package static let executable = Self(rawValue: 2)
        package static let hidden = Self(rawValue: 4)
        package static let symlink = Self(rawValue: 8)
    }

    package init(
        name: [UInt8],
        isSingleFile: Bool,
        files: [File],
        geometry: PieceGeometry,
        pieceHashes: [UInt8],
        hashTrees: HashTrees? = nil,
        isPrivate: Bool
    ) {
        version = hashTrees == nil ? .version1 : pieceHashes.isEmpty ? .version2 : .hybrid
        self.hashTrees = hashTrees
        self.name = name
        self.isSingleFile = isSingleFile
        self.files = files
        self.geometry = geometry
        self.pieceHashes = pieceHashes
        self.isPrivate = isPrivate
    }

    /// The SHA-1 of a piece.
    ///
    /// - Precondition: the torrent has a description of v1.
    package func hash(of piece: PieceIndex) -> ArraySlice<UInt8> {
        let start = Int(piece.rawValue) * 20
        return pieceHashes[start..<start + 20]
    }
}
