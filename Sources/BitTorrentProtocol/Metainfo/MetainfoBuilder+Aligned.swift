import Bencode

extension MetainfoBuilder {
    /// A file that begins a piece.
    package struct AlignedFile: Sendable {
        /// Components below the torrent's name.
        package var path: [String]
        package var hashes: FileHashes

        package init(path: [String], hashes: FileHashes) {
            self.path = path
            self.hashes = hashes
        }
    }

    /// A torrent of several files, each of which begins a piece: padding stands between them
    /// (BEP 47).
    ///
    /// A single file at the top of a torrent that is described in v2 is a torrent of that file, because
    /// BEP 52 has no other form for it.
    ///
    /// - Parameters:
    ///   - alignedFiles: hashed in pieces of this length and for this version, in the order of the
    ///     bytes of their components, at least one of them not empty.
    package init(
        name: String,
        alignedFiles: [AlignedFile],
        pieceLength: UInt32,
        version: TorrentInfo.Version = .version1
    ) {
        guard version.hasVersion2 else {
            self.init(name: name, version1: alignedFiles, pieceLength: pieceLength)
            return
        }
        let isSingle = alignedFiles.count == 1 && alignedFiles[0].path.count == 1
        var version1 = version.hasVersion1 ? alignedFiles : []
        if isSingle, version.hasVersion1 { version1[0].path = [] }
        self.init(
            name: isSingle ? alignedFiles[0].path[0] : name,
            version1: version1,
            pieceLength: pieceLength
        )
        version2 = Version2(alignedFiles, pieceLength: pieceLength)
    }

    private init(name: String, version1 alignedFiles: [AlignedFile], pieceLength: UInt32) {
        var files: [File] = []
        var hashes: [UInt8] = []
        let last = alignedFiles.lastIndex { $0.hashes.length > 0 }
        for (index, file) in alignedFiles.enumerated() {
            let length = file.hashes.length
            files.append(File(path: file.path, length: length))
            hashes += file.hashes.pieceHashes
            guard index != last else {
                // Nothing fills the last piece up.
                hashes.replaceSubrange(hashes.count - 20..<hashes.count, with: file.hashes.tailHash)
                continue
            }
            let surplus = length % UInt64(pieceLength)
            if surplus > 0 { files.append(.padding(UInt64(pieceLength) - surplus)) }
        }
        self.init(name: name, files: files, pieceLength: pieceLength, pieceHashes: hashes)
    }
}

extension MetainfoBuilder.Version2 {
    fileprivate init(_ files: [MetainfoBuilder.AlignedFile], pieceLength: UInt32) {
        var layers: [[UInt8]: BencodeItem] = [:]
        for hashes in files.map(\.hashes) where hashes.pieceRoots.count > 1 {
            guard let root = hashes.root(pieceLength: pieceLength) else { continue }
            layers[root.bytes] = .string(hashes.pieceRoots.flatMap(\.bytes))
        }
        pieceLayers = .dictionary(layers)
        fileTree = Self.tree(files[...], depth: 0, pieceLength: pieceLength)
    }

    /// The directory whose files these are: they agree in `depth` components.
    private static func tree(
        _ files: ArraySlice<MetainfoBuilder.AlignedFile>,
        depth: Int,
        pieceLength: UInt32
    ) -> BencodeItem {
        var entries: [[UInt8]: BencodeItem] = [:]
        var rest = files
        while let first = rest.first {
            let name = first.path[depth]
            let below = rest.prefix { $0.path[depth] == name }
            rest = rest.dropFirst(below.count)
            entries[Array(name.utf8)] =
                first.path.count == depth + 1
                ? leaf(first.hashes, pieceLength: pieceLength)
                : tree(below, depth: depth + 1, pieceLength: pieceLength)
        }
        return .dictionary(entries)
    }

    private static func leaf(_ hashes: FileHashes, pieceLength: UInt32) -> BencodeItem {
        var file: BencodeItem = ["length": .integer(Int64(hashes.length))]
        let root = hashes.root(pieceLength: pieceLength)
        file.set("pieces root", to: root.map { .string($0.bytes) })
        return ["": file]
    }
}

extension FileHashes {
    /// `pieces root`; `nil` for an empty file.
    ///
    /// - Precondition: it was hashed in pieces of this length, for v2.
    package func root(pieceLength: UInt32) -> SHA256Digest? {
        guard length > 0 else { return nil }
        return HashTreeShape(length: length, pieceLength: pieceLength)
            .root(ofPieceHashes: pieceRoots)
    }
}

extension MetainfoBuilder.File {
    /// Zeros that no program shows or, if it knows of them, asks for.
    package static func padding(_ length: UInt64) -> Self {
        Self(path: [".pad", "\(length)"], length: length, attributes: "p")
    }
}
