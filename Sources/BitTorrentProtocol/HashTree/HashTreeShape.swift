/// The shape of the hash tree of one file (BEP 52).
package struct HashTreeShape: Hashable, Sendable {
    /// Bytes in the file.
    package let length: UInt64
    /// Leaves that have a block.
    package let blockCount: Int
    /// Pieces of the file; the last may be short.
    package let pieceCount: Int
    /// The layer whose nodes are the hashes of the pieces; of a file no longer than a piece, its
    /// root's.
    package let pieceLayer: Int
    /// The root's layer.
    package let height: Int

    /// - Precondition: `length` is positive and at most 2^48; `pieceLength` is a power of two and
    ///   at least 16 KiB.
    package init(length: UInt64, pieceLength: UInt32) {
        precondition(length > 0 && pieceLength.nonzeroBitCount == 1)
        precondition(pieceLength >= Block.maximumLength)
        self.length = length
        blockCount = Int((length - 1) / UInt64(Block.maximumLength)) + 1
        pieceCount = Int((length - 1) / UInt64(pieceLength)) + 1
        height = MerkleTree.height(ofWidth: MerkleTree.width(blockCount))
        pieceLayer = min(
            height,
            MerkleTree.height(ofWidth: Int(pieceLength / Block.maximumLength))
        )
    }

    /// Leaves below the hash of a piece, padding included.
    package var leavesPerPiece: Int { 1 << pieceLayer }

    /// A file that is no longer than a piece has no piece layer: its root is the piece's hash.
    package var hasPieceLayer: Bool { pieceCount > 1 }

    /// Nodes of a layer, padding included.
    package func width(ofLayer layer: Int) -> Int { 1 << (height - layer) }

    /// Nodes of a layer that have a block below them.
    package func nodeCount(ofLayer layer: Int) -> Int { (blockCount - 1) >> layer + 1 }

    /// The hashes of the pieces, made of the leaves.
    ///
    /// - Precondition: there is a leaf for each block.
    package func pieceHashes(ofLeaves leaves: [SHA256Digest]) -> [SHA256Digest] {
        precondition(leaves.count == blockCount)
        var nodes = leaves
        for layer in 0..<pieceLayer { nodes = MerkleTree.parents(of: nodes, atLayer: layer) }
        return nodes
    }

    /// `pieces root`, made of the hashes of the pieces.
    ///
    /// - Precondition: there is a hash for each piece.
    package func root(ofPieceHashes hashes: [SHA256Digest]) -> SHA256Digest {
        precondition(hashes.count == pieceCount)
        return MerkleTree.root(of: hashes, atLayer: pieceLayer, width: width(ofLayer: pieceLayer))
    }
}
