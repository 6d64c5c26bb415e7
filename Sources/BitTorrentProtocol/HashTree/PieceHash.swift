/// What the bytes of one piece must hash to; at least one of the two is there.
package struct PieceHash: Sendable {
    /// SHA-1 of the piece and of the zeros that follow it in v1 (BEP 3, BEP 47).
    package let sha1: ArraySlice<UInt8>?
    package let paddingByteCount: Int
    /// The node of the file's hash tree above the piece's blocks (BEP 52).
    package let merkleRoot: SHA256Digest?
    /// Leaves below that node.
    package let leafCount: Int

    package init(
        sha1: ArraySlice<UInt8>?,
        paddingByteCount: Int = 0,
        merkleRoot: SHA256Digest? = nil,
        leafCount: Int = 1
    ) {
        self.sha1 = sha1
        self.paddingByteCount = paddingByteCount
        self.merkleRoot = merkleRoot
        self.leafCount = leafCount
    }
}

extension TorrentInfo {
    /// - Parameter merkleRoot: the piece's hash of v2, where it is known.
    /// - Returns: `nil` if the piece cannot be verified: a v2 torrent's whose piece layer is not here.
    package func hash(of piece: PieceIndex, merkleRoot: SHA256Digest?) -> PieceHash? {
        guard version.hasVersion1 || merkleRoot != nil else { return nil }
        return PieceHash(
            sha1: version.hasVersion1 ? hash(of: piece) : nil,
            paddingByteCount: Int(geometry.servedLength(of: piece) - geometry.length(of: piece)),
            merkleRoot: merkleRoot,
            leafCount: hashTrees?.tree(of: piece).shape.leavesPerPiece ?? 1
        )
    }

    /// The piece's hash of v2, where it is known.
    package func merkleRoot(of piece: PieceIndex, in layers: PieceLayers) -> SHA256Digest? {
        guard let tree = hashTrees?.tree(of: piece) else { return nil }
        guard tree.shape.hasPieceLayer else { return tree.root }
        // Two files of the same root and different lengths cannot both be right.
        guard let layer = layers[tree.root], layer.count == tree.shape.pieceCount else {
            return nil
        }
        return layer[tree.place(of: piece)]
    }
}
