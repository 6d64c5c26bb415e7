package import BitTorrentProtocol

/// What is known of the hash trees of a v2 torrent: which hashes are here, how those that are missing
/// are asked for, and whether an answer is right (BEP 52).
///
/// A piece's hash is proved by the file's root, a leaf by the piece's hash. Leaves are kept of pieces
/// that are being fetched, not of those that are whole.
package struct KnownHashes: Sendable {
    package enum Answer: Equatable, Sendable {
        /// The proof fails: whoever sent it lies.
        case wrong
        /// More is known; of a layer, whether all of it is here now.
        case taken(completesLayer: Bool)
    }

    package let trees: HashTrees
    /// There is no other hash by which a piece could be verified: a torrent of v2 alone.
    package let isOnlyProof: Bool
    /// The layers that are here whole.
    package private(set) var layers: PieceLayers
    /// Parts of layers that are longer than one request, by their place.
    private var layerParts: [SHA256Digest: [Int: [SHA256Digest]]] = [:]
    private var leaves: [PieceIndex: [SHA256Digest]] = [:]
    /// Parts of the leaves of pieces that are longer than one request, by their place.
    private var leafParts: [PieceIndex: [Int: [SHA256Digest]]] = [:]

    /// - Parameters:
    ///   - layers: checked against the roots.
    ///   - isOnlyProof: false for a hybrid torrent.
    package init(trees: HashTrees, layers: PieceLayers, isOnlyProof: Bool) {
        self.trees = trees
        self.isOnlyProof = isOnlyProof
        self.layers = layers
    }

    // MARK: What is known

    /// The hash of a piece.
    package func hash(of piece: PieceIndex) -> SHA256Digest? {
        let tree = trees.tree(of: piece)
        guard tree.shape.hasPieceLayer else { return tree.root }
        let place = tree.place(of: piece)
        if let layer = layers[tree.root] { return place < layer.count ? layer[place] : nil }
        let length = Self.partLength(tree.shape.width(ofLayer: tree.shape.pieceLayer))
        guard let part = layerParts[tree.root]?[place / length] else { return nil }
        return part[place % length]
    }

    /// Whether every block of the piece has its leaf.
    package func hasLeaves(of piece: PieceIndex) -> Bool {
        leaves[piece] != nil || trees.tree(of: piece).shape.leavesPerPiece == 1
    }

    /// The hash that the block must have, if the leaves of its piece are here.
    package func leaf(of block: Block) -> SHA256Digest? {
        if let leaves = leaves[block.piece] { return leaves[block.number] }
        guard trees.tree(of: block.piece).shape.leavesPerPiece == 1 else { return nil }
        return hash(of: block.piece)
    }

    /// The leaves of the piece are of no more use.
    package mutating func forget(_ piece: PieceIndex) {
        leaves[piece] = nil
        leafParts[piece] = nil
    }

    // MARK: What is missing

    /// What to ask for so that the piece can be verified, and after that each of its blocks: the
    /// hash of the piece first, then its leaves; nothing if they are here.
    package func missing(of piece: PieceIndex, blockCount: Int) -> [HashRequest] {
        let tree = trees.tree(of: piece)
        let shape = tree.shape
        guard hash(of: piece) != nil else {
            let length = Self.partLength(shape.width(ofLayer: shape.pieceLayer))
            let part = tree.place(of: piece) / length
            return [
                Self.request(tree, layer: shape.pieceLayer, part, of: length, to: shape.height)
            ]
        }
        // A piece of one block is verified as soon as it.
        guard blockCount > 1, !hasLeaves(of: piece) else { return [] }
        let length = Self.partLength(shape.leavesPerPiece)
        let first = tree.place(of: piece) * (shape.leavesPerPiece / length)
        return (0...(blockCount - 1) / length)
            .filter { leafParts[piece]?[$0] == nil }
            .map { Self.request(tree, layer: 0, first + $0, of: length, to: shape.pieceLayer) }
    }

    private static func partLength(_ width: Int) -> Int { min(width, HashRequest.maximumLength) }

    /// The hashes of a part of a layer, with the uncles up to a layer that is known.
    private static func request(
        _ tree: HashTrees.Tree,
        layer: Int,
        _ part: Int,
        of length: Int,
        to known: Int
    ) -> HashRequest {
        let computed = MerkleTree.height(ofWidth: length)
        let uncleCount = known - layer - computed
        return HashRequest(
            root: tree.root,
            baseLayer: UInt32(layer),
            index: UInt32(part * length),
            length: UInt32(length),
            // The lowest of these layers can be computed; their uncles are not sent.
            proofLayerCount: UInt32(uncleCount == 0 ? 0 : uncleCount + computed - 1)
        )
    }

    // MARK: Answers

    /// Takes what a peer has sent.
    ///
    /// - Parameters:
    ///   - request: one that `missing` gave for the piece.
    ///   - blockCount: of the piece.
    package mutating func take(
        _ hashes: [SHA256Digest],
        for request: HashRequest,
        of piece: PieceIndex,
        blockCount: Int
    ) -> Answer {
        let tree = trees.tree(of: piece)
        let length = Int(request.length)
        guard hashes.count >= length else { return .wrong }
        let base = Array(hashes[..<length])
        let part = Int(request.index) / length
        let node = MerkleTree.root(of: base, width: length)
        let top = MerkleTree.root(of: node, at: part, uncles: hashes[length...])
        let computed = MerkleTree.height(ofWidth: length)
        let reached = Int(request.baseLayer) + computed + hashes.count - length
        if request.baseLayer == 0, tree.shape.pieceLayer != 0 {
            guard reached == tree.shape.pieceLayer, top == hash(of: piece) else { return .wrong }
            takeLeaves(base, part, of: piece, in: tree, blockCount: blockCount)
            return .taken(completesLayer: false)
        }
        guard reached == tree.shape.height, top == tree.root else { return .wrong }
        return .taken(completesLayer: takeLayer(base, part, of: tree))
    }

    private mutating func takeLeaves(
        _ hashes: [SHA256Digest],
        _ part: Int,
        of piece: PieceIndex,
        in tree: HashTrees.Tree,
        blockCount: Int
    ) {
        let first = tree.place(of: piece) * (tree.shape.leavesPerPiece / hashes.count)
        leafParts[piece, default: [:]][part - first] = hashes
        let count = (blockCount - 1) / hashes.count + 1
        guard let parts = leafParts[piece], parts.count == count else { return }
        leaves[piece] = (0..<count).flatMap { parts[$0] ?? [] }
        leafParts[piece] = nil
    }

    /// - Returns: whether the layer is whole.
    private mutating func takeLayer(
        _ hashes: [SHA256Digest],
        _ part: Int,
        of tree: HashTrees.Tree
    ) -> Bool {
        guard layers[tree.root] == nil else { return false }
        layerParts[tree.root, default: [:]][part] = hashes
        let count = (tree.shape.pieceCount - 1) / hashes.count + 1
        guard let parts = layerParts[tree.root], parts.count == count else { return false }
        layers[tree.root] = Array(
            (0..<count).flatMap { parts[$0] ?? [] }.prefix(tree.shape.pieceCount)
        )
        layerParts[tree.root] = nil
        return true
    }
}
