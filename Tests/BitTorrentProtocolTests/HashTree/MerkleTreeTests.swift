import BitTorrentProtocol
import Cryptography
import Testing

@Suite struct MerkleTreeTests {
    private let hashes = (0..<40).map { SHA256Digest(hashing: [UInt8($0)]) }

    /// As BEP 52 words it: all leaves up to a power of two, zeros where there is no block.
    private func plainRoot(_ leaves: [SHA256Digest], width: Int) -> SHA256Digest {
        var nodes = leaves + Array(repeating: .zero, count: width - leaves.count)
        while nodes.count > 1 {
            nodes = stride(from: 0, to: nodes.count, by: 2).map {
                SHA256Digest(hashing: nodes[$0].bytes + nodes[$0 + 1].bytes)
            }
        }
        return nodes[0]
    }

    @Test(arguments: 1...40)
    func padsMissingLeavesWithZeros(count: Int) {
        let leaves = Array(hashes.prefix(count))
        let width = MerkleTree.width(count)
        #expect(width >= count && width < 2 * count && width.nonzeroBitCount == 1)
        #expect(MerkleTree.root(of: leaves, width: width) == plainRoot(leaves, width: width))
        #expect(MerkleTree.root(of: leaves, width: 64) == plainRoot(leaves, width: 64))
    }

    @Test(arguments: [1, 2, 5, 16, 17, 33, 40])
    func makesTheRootOfThePieceLayer(blockCount: Int) {
        let length = UInt64(blockCount - 1) * 16384 + 1
        let shape = HashTreeShape(length: length, pieceLength: 4 * 16384)
        let leaves = Array(hashes.prefix(blockCount))
        let pieces = shape.pieceHashes(ofLeaves: leaves)
        #expect(shape.blockCount == blockCount)
        #expect(pieces.count == shape.pieceCount)
        #expect(shape.pieceCount == (blockCount + 3) / 4)
        #expect(shape.hasPieceLayer == (blockCount > 4))
        #expect(
            shape.root(ofPieceHashes: pieces)
                == plainRoot(leaves, width: MerkleTree.width(blockCount))
        )
    }

    @Test func aFileOfOnePieceHasItsRootAsThePieceHash() {
        let shape = HashTreeShape(length: 16385, pieceLength: 1 << 20)
        #expect(shape.height == 1 && shape.pieceLayer == 1 && shape.leavesPerPiece == 2)
        let one = HashTreeShape(length: 1, pieceLength: 1 << 20)
        #expect(one.height == 0 && one.pieceLayer == 0 && one.pieceCount == 1)
        #expect(one.root(ofPieceHashes: one.pieceHashes(ofLeaves: [hashes[0]])) == hashes[0])
    }

    @Test func climbsToTheRootWithTheUncles() {
        let layers = (0..<3).reduce(into: [Array(hashes.prefix(8))]) { layers, layer in
            layers.append(MerkleTree.parents(of: layers[layer], atLayer: layer))
        }
        for index in 0..<8 {
            let uncles = (0..<3).map { layers[$0][(index >> $0) ^ 1] }
            #expect(
                MerkleTree.root(of: hashes[index], at: index, uncles: uncles) == layers[3][0]
            )
        }
    }

    @Test func hashesBlocksAsShortAsTheyAre() {
        let bytes = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let leaves = bytes.withUnsafeBytes { MerkleTree.leaves(of: $0) }
        #expect(leaves.count == 3)
        #expect(leaves[2].bytes == SHA256.hash(bytes[32768...]))
    }

    @Test func readsDigestsOneBehindTheOther() {
        let bytes = Array(hashes.prefix(3)).joinedBytes
        #expect(SHA256Digest.list(bytes) == Array(hashes.prefix(3)))
        #expect(SHA256Digest.list(bytes.dropLast()) == nil)
        #expect(SHA256Digest(bytes: bytes.prefix(32)) == hashes[0])
        #expect(SHA256Digest(bytes: bytes.prefix(33)) == nil)
        #expect(SHA256Digest.list([UInt8]())?.isEmpty == true)
    }
}
