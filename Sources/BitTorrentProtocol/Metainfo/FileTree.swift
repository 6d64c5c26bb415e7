import Bencode

/// The `file tree` of a v2 torrent (BEP 52), flattened.
struct FileTree {
    struct Entry {
        let path: [[UInt8]]
        let length: Int64
        let attributes: TorrentInfo.Attributes
        let symlinkTarget: [[UInt8]]?
        /// `nil` for an empty file.
        let root: SHA256Digest?
    }

    private struct Level {
        var entries: BencodeValue.Entries
        let name: [UInt8]
        var lastName: ArraySlice<UInt8>?
    }

    /// In the order of the tree, which is that of their pieces.
    private(set) var entries: [Entry] = []

    /// Walks the tree with a stack of its own: a tree may be deep.
    init(parsing tree: BencodeValue?, _ limits: MetainfoLimits) throws(MetainfoError) {
        guard let top = tree?.dictionary, !top.isEmpty else { throw .missingFileTree }
        guard tree?[""] == nil else { throw .fileTreeIsFile }
        var levels = [Level(entries: top, name: [])]
        while !levels.isEmpty {
            guard let (name, value) = levels[levels.count - 1].entries.next() else {
                levels.removeLast()
                continue
            }
            let number = entries.count
            if let last = levels[levels.count - 1].lastName {
                guard last.lexicographicallyPrecedes(name) else { throw .unsortedFileTree }
            }
            levels[levels.count - 1].lastName = name
            guard let below = value.dictionary else { throw .malformedFile(number) }
            guard levels.count <= limits.pathDepth else { throw .pathTooDeep(file: number) }
            guard let file = value[""] else {
                levels.append(Level(entries: below, name: Array(name)))
                continue
            }
            guard below.reduce(0, { count, _ in count + 1 }) == 1 else {
                throw .fileWithSiblings(file: number)
            }
            let path = levels.dropFirst().map(\.name) + [Array(name)]
            entries.append(try Self.entry(file, path: path, number: number, limits))
        }
    }

    private static func entry(
        _ value: BencodeValue,
        path: [[UInt8]],
        number: Int,
        _ limits: MetainfoLimits
    ) throws(MetainfoError) -> Entry {
        guard value.kind == .dictionary else { throw .malformedFile(number) }
        let attributes = FileEntry.attributes(value)
        // The places of files follow from the tree; there is nothing to pad.
        guard !attributes.contains(.padding) else { throw .paddingInFileTree(file: number) }
        if attributes.contains(.symlink) {
            return Entry(
                path: path,
                length: 0,
                attributes: attributes,
                symlinkTarget: FileEntry.symlinkTarget(value, pathDepth: limits.pathDepth),
                root: nil
            )
        }
        guard let length = value["length"]?.integer, length >= 0 else {
            throw .malformedLength(file: number)
        }
        var root: SHA256Digest?
        if length > 0 {
            root = value["pieces root"]?.string.flatMap { SHA256Digest(bytes: $0) }
            guard root != nil, root != .zero else { throw .missingPiecesRoot(file: number) }
        }
        return Entry(
            path: path,
            length: length,
            attributes: attributes,
            symlinkTarget: nil,
            root: root
        )
    }
}

extension FileTree {
    /// Where v2 has the files.
    struct Layout {
        /// The name of the file, if there is one and no directory.
        let singleName: [UInt8]?
        let files: [TorrentInfo.File]
        let geometry: PieceGeometry
        let hashTrees: HashTrees
    }

    /// Each file from a piece boundary on.
    func layout(
        pieceLength: UInt32,
        limits: MetainfoLimits
    ) throws(MetainfoError) -> Layout {
        let isSingle = entries.count == 1 && entries[0].path.count == 1
        var files: [TorrentInfo.File] = []
        var trees: [HashTrees.Tree] = []
        var pieceCount: Int64 = 0
        var end: Int64 = 0
        for (number, entry) in entries.enumerated() {
            let start = pieceCount * Int64(pieceLength)
            guard start <= limits.totalLength, entry.length <= limits.totalLength - start else {
                throw .totalTooLong
            }
            if let root = entry.root {
                let shape = HashTreeShape(length: UInt64(entry.length), pieceLength: pieceLength)
                trees.append(
                    HashTrees.Tree(
                        file: number,
                        firstPiece: PieceIndex(Int(pieceCount)),
                        root: root,
                        shape: shape
                    )
                )
                pieceCount += Int64(shape.pieceCount)
                guard pieceCount <= limits.pieceCount else { throw .tooManyPieces(pieceCount) }
                end = start + entry.length
            }
            files.append(
                TorrentInfo.File(
                    path: isSingle ? [] : entry.path,
                    length: UInt64(entry.length),
                    offset: UInt64(entry.length == 0 ? end : start),
                    attributes: entry.attributes,
                    symlinkTarget: entry.symlinkTarget
                )
            )
        }
        guard !trees.isEmpty else { throw .noContent }
        return Layout(
            singleName: isSingle ? entries[0].path[0] : nil,
            files: files,
            geometry: PieceGeometry(
                pieceLength: pieceLength,
                alignedFiles: entries.lazy.map { UInt64($0.length) }
            ),
            hashTrees: HashTrees(trees: trees)
        )
    }
}

extension FileTree.Layout {
    /// What remains if v1 describes the same files in the same order and, with its padding, at the
    /// same places.
    ///
    /// Padding after the last file may be there or not.
    ///
    /// - Parameter names: the torrent's, of which one must be that of a single file.
    /// - Returns: the geometry and the trees, with the padding files of v1 counted.
    func agreed(
        with version1: InfoParser.Layout,
        names: [[UInt8]]
    ) throws(MetainfoError) -> (geometry: PieceGeometry, hashTrees: HashTrees) {
        var next = 0
        var treeNumbers: [Int] = []
        for (number, file) in version1.files.enumerated()
        where !file.attributes.contains(.padding) {
            guard next < files.count else { throw .inconsistentLayouts }
            let other = files[next]
            guard file.length == other.length, file.length == 0 || file.offset == other.offset,
                file.attributes.contains(.symlink) == other.attributes.contains(.symlink),
                isSamePath(file.path, other.path, names, version1.isSingleFile)
            else { throw .inconsistentVersions(file: number) }
            if file.length > 0 { treeNumbers.append(number) }
            next += 1
        }
        let paddedEnd = UInt64(geometry.pieceCount) * UInt64(geometry.pieceLength)
        guard next == files.count,
            [geometry.totalLength, paddedEnd].contains(version1.totalLength)
        else { throw .inconsistentLayouts }
        let trees = zip(hashTrees.trees, treeNumbers).map { tree, number in
            HashTrees.Tree(
                file: number,
                firstPiece: tree.firstPiece,
                root: tree.root,
                shape: tree.shape
            )
        }
        let padded = PieceGeometry(
            pieceLength: geometry.pieceLength,
            alignedFiles: hashTrees.trees.lazy.map(\.shape.length),
            paddedLength: version1.totalLength
        )
        return (padded, HashTrees(trees: trees))
    }

    private func isSamePath(
        _ version1: [[UInt8]],
        _ version2: [[UInt8]],
        _ names: [[UInt8]],
        _ isSingleFile: Bool
    ) -> Bool {
        guard let singleName else { return !isSingleFile && version1 == version2 }
        return isSingleFile ? names.contains(singleName) : version1 == [singleName]
    }
}

extension PieceLayers {
    /// The `piece layers` of a `.torrent` file, each hashed and held against its file's root.
    ///
    /// What is missing can be had from peers.
    init(parsing value: BencodeValue?, of info: TorrentInfo) throws(MetainfoError) {
        self.init()
        guard let value, let trees = info.hashTrees else { return }
        guard let entries = value.dictionary else { throw .malformedPieceLayers }
        var byRoot: [SHA256Digest: HashTrees.Tree] = [:]
        for tree in trees.trees where tree.shape.hasPieceLayer { byRoot[tree.root] = tree }
        for (key, value) in entries {
            guard let root = SHA256Digest(bytes: key), let tree = byRoot[root] else {
                throw .unknownPieceLayer
            }
            guard let hashes = value.string.flatMap({ SHA256Digest.list($0) }),
                hashes.count == tree.shape.pieceCount,
                tree.shape.root(ofPieceHashes: hashes) == root
            else { throw .wrongPieceLayer(file: tree.file) }
            self[root] = hashes
        }
    }
}
