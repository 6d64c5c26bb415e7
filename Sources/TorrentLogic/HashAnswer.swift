package import BitTorrentProtocol

/// The answer to a peer's hash request that can be given, and what it takes to make it (BEP 52).
package struct HashAnswer: Equatable, Sendable {
    package let request: HashRequest
    /// The pieces whose bytes must be hashed; empty if the hashes of the pieces are enough.
    package let pieces: Range<Int>

    /// Bytes that are hashed for one answer at most: as many as the most leaves that may be asked for.
    private static let maximumHashedByteCount =
        HashRequest.maximumLength * MerkleTree.blockByteCount

    private let shape: HashTreeShape
    private let layer: [SHA256Digest]
    /// The place of `pieces` in the file.
    private let firstPlace: Int

    /// - Parameters:
    ///   - tree: of the file that the request names.
    ///   - layer: the hashes of the file's pieces, if they are known.
    /// - Returns: `nil` for a request that is out of range or cannot be answered.
    package init?(_ request: HashRequest, tree: HashTrees.Tree, layer: [SHA256Digest]?) {
        let shape = tree.shape
        let (base, index, length) = (
            Int(request.baseLayer), Int(request.index), Int(request.length)
        )
        guard length >= 2, length.nonzeroBitCount == 1, length <= HashRequest.maximumLength,
            base < shape.height, index % length == 0,
            index + length <= shape.width(ofLayer: base), index < shape.nodeCount(ofLayer: base),
            Int(request.proofLayerCount) < shape.height - base
        else { return nil }
        let needsLeaves = base < shape.pieceLayer
        if needsLeaves {
            let last = min((index + length) << base, shape.blockCount) - 1
            let places = (index << base) >> shape.pieceLayer...last >> shape.pieceLayer
            guard
                places.count << shape.pieceLayer
                    <= max(
                        Self.maximumHashedByteCount / MerkleTree.blockByteCount,
                        shape.leavesPerPiece
                    )
            else { return nil }
            firstPlace = places.lowerBound
            pieces =
                tree.piece(at: places.lowerBound).place..<tree.piece(at: places.upperBound).place
                + 1
        } else {
            firstPlace = 0
            pieces = 0..<0
        }
        if let layer, layer.count == shape.pieceCount {
            self.layer = layer
        } else {
            // Without the layer, hashes below one piece can still be proved up to the piece's hash.
            let computed = MerkleTree.height(ofWidth: length)
            let reached = base + max(computed, Int(request.proofLayerCount) + 1)
            guard needsLeaves, !shape.hasPieceLayer || reached <= shape.pieceLayer else {
                return nil
            }
            self.layer = []
        }
        self.request = request
        self.shape = shape
    }

    /// The hashes to send.
    ///
    /// - Parameter leaves: of all blocks of `pieces`, in order.
    package func hashes(leaves: [SHA256Digest]) -> [SHA256Digest] {
        let (base, index, length) = (
            Int(request.baseLayer), Int(request.index), Int(request.length)
        )
        var hashes = (index..<index + length).map { node(layer: base, $0, leaves) }
        let computed = MerkleTree.height(ofWidth: length)
        var (layer, place) = (base + computed, index / length)
        // As many as there are proof layers above those that can be computed.
        for _ in 0..<max(0, Int(request.proofLayerCount) - computed + 1) {
            hashes.append(node(layer: layer, place ^ 1, leaves))
            layer += 1
            place >>= 1
        }
        return hashes
    }

    private func node(layer: Int, _ place: Int, _ leaves: [SHA256Digest]) -> SHA256Digest {
        let isBelow = layer < shape.pieceLayer || self.layer.isEmpty
        let (source, sourceLayer, first) =
            isBelow
            ? (leaves, 0, firstPlace << shape.pieceLayer) : (self.layer, shape.pieceLayer, 0)
        let width = 1 << (layer - sourceLayer)
        let start = place * width - first
        guard start < source.count else { return MerkleTree.padding(atLayer: layer) }
        return MerkleTree.root(
            of: source[start..<min(start + width, source.count)],
            atLayer: sourceLayer,
            width: width
        )
    }
}

extension PieceIndex {
    fileprivate var place: Int { Int(rawValue) }
}
