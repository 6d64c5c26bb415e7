package import BitTorrentProtocol
import TorrentLogic

/// A torrent without bytes: its geometry, its files, and the hash trees if it is of v2.
package struct SimulatedTorrent: Sendable {
    package let geometry: PieceGeometry
    /// Where each file lies in the torrent.
    package let files: [Range<UInt64>]
    let trees: HashTrees?
    let layers: PieceLayers
    /// Of each piece, by block; empty for v1.
    private let leaves: [[SHA256Digest]]

    /// Files end to end, of v1.
    package init(pieceLength: UInt32, files lengths: [UInt64]) {
        geometry = PieceGeometry(pieceLength: pieceLength, totalLength: lengths.reduce(0, +))
        var end: UInt64 = 0
        files = lengths.map { length in
            defer { end += length }
            return end..<end + length
        }
        trees = nil
        layers = [:]
        leaves = []
    }

    /// Of v2: each file begins a piece, and each block can be proved.
    package init(version2 lengths: [UInt64], pieceLength: UInt32) {
        let geometry = PieceGeometry(pieceLength: pieceLength, alignedFiles: lengths)
        var files: [Range<UInt64>] = []
        var trees: [HashTrees.Tree] = []
        var layers: PieceLayers = [:]
        var leaves: [[SHA256Digest]] = []
        for (number, length) in lengths.enumerated() {
            let first = PieceIndex(leaves.count)
            let shape = HashTreeShape(length: length, pieceLength: pieceLength)
            for piece in leaves.count..<leaves.count + shape.pieceCount {
                leaves.append(
                    (0..<geometry.blockCount(of: PieceIndex(piece))).map {
                        Self.leaf(piece: piece, block: $0)
                    }
                )
            }
            let hashes = shape.pieceHashes(
                ofLeaves: leaves[Int(first.rawValue)...].flatMap { $0 }
            )
            let root = shape.root(ofPieceHashes: hashes)
            trees.append(.init(file: number, firstPiece: first, root: root, shape: shape))
            if shape.hasPieceLayer { layers[root] = hashes }
            let start = geometry.offset(of: first)
            files.append(start..<start + length)
        }
        self.geometry = geometry
        self.files = files
        self.trees = HashTrees(trees: trees)
        self.layers = layers
        self.leaves = leaves
    }

    package var isVersion2: Bool { trees != nil }

    /// What our side knows of the hashes when it begins.
    var exchange: HashExchange? {
        trees.map { HashExchange(geometry: geometry, trees: $0, layers: layers) }
    }

    /// What a peer answers to a request for hashes.
    func answer(to request: HashRequest) -> PeerMessage {
        guard let tree = trees?.trees.first(where: { $0.root == request.root }),
            let answer = HashAnswer(request, tree: tree, layer: layers[request.root])
        else { return .hashReject(request) }
        return .hashes(request, answer.hashes(leaves: leaves[answer.pieces].flatMap { $0 }))
    }

    private static func leaf(piece: Int, block: Int) -> SHA256Digest {
        let number = UInt64(piece) << 32 | UInt64(block)
        return SHA256Digest(hashing: (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) })
    }
}
