/// The hash trees of a v2 or hybrid torrent: one for each file that is not empty (BEP 52).
package struct HashTrees: Sendable {
    package struct Tree: Sendable {
        /// Position of the file in `TorrentInfo.files`.
        package let file: Int
        /// The piece with which the file begins.
        package let firstPiece: PieceIndex
        /// `pieces root`.
        package let root: SHA256Digest
        package let shape: HashTreeShape

        package init(
            file: Int,
            firstPiece: PieceIndex,
            root: SHA256Digest,
            shape: HashTreeShape
        ) {
            self.file = file
            self.firstPiece = firstPiece
            self.root = root
            self.shape = shape
        }

        /// The place of a piece among those of the file.
        ///
        /// - Precondition: it is one of them.
        package func place(of piece: PieceIndex) -> Int {
            Int(piece.rawValue - firstPiece.rawValue)
        }

        /// The piece at a place among those of the file.
        package func piece(at place: Int) -> PieceIndex {
            PieceIndex(Int(firstPiece.rawValue) + place)
        }
    }

    /// In the order of their pieces, which they hold without gaps.
    package let trees: [Tree]

    /// - Precondition: the trees are in the order of their pieces and leave none out.
    package init(trees: [Tree]) { self.trees = trees }

    /// The position of the tree whose file has the piece.
    ///
    /// - Precondition: the torrent has the piece.
    package func position(of piece: PieceIndex) -> Int {
        var low = 0
        var high = trees.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if trees[middle].firstPiece <= piece { low = middle } else { high = middle }
        }
        return low
    }

    package func tree(of piece: PieceIndex) -> Tree { trees[position(of: piece)] }
}

/// The hashes of the pieces of files, by `pieces root`: `piece layers` of a `.torrent` file, or what
/// peers have sent of it (BEP 52).
///
/// Only files longer than a piece have one. It is checked against the root before it is kept.
package typealias PieceLayers = [SHA256Digest: [SHA256Digest]]
