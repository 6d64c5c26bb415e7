/// The binary trees of SHA-256 with which a v2 torrent describes its files (BEP 52).
///
/// A leaf is the hash of a block of 16 KiB; the last block of a file is hashed as short as it is.
/// Leaves without a block are zeros, as many as make the number of leaves a power of two. Layers are
/// counted from the leaves, which are layer 0.
package enum MerkleTree {
    /// Bytes under one leaf.
    package static let blockByteCount = Int(Block.maximumLength)
    /// Layers above the leaves of the largest file: 2^48 bytes.
    package static let maximumHeight = 34

    /// The hashes of the blocks of `bytes`, which begin at a block's start.
    package static func leaves(of bytes: UnsafeRawBufferPointer) -> [SHA256Digest] {
        stride(from: 0, to: bytes.count, by: blockByteCount).map { start in
            let end = min(start + blockByteCount, bytes.count)
            return SHA256Digest(hashing: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        }
    }

    /// The smallest power of two that is not below `count`.
    package static func width(_ count: Int) -> Int {
        count <= 1 ? 1 : 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount)
    }

    /// Layers of a tree above the one that has `width` nodes.
    ///
    /// - Precondition: `width` is a power of two.
    package static func height(ofWidth width: Int) -> Int { width.trailingZeroBitCount }

    /// The node of a layer that has no block below it.
    package static func padding(atLayer layer: Int) -> SHA256Digest { paddings[layer] }

    private static let paddings: [SHA256Digest] = {
        var layers = [SHA256Digest.zero]
        for layer in 0..<maximumHeight {
            layers.append(SHA256Digest(hashing: layers[layer], layers[layer]))
        }
        return layers
    }()

    /// The layer above `nodes`, whose missing last node is padding.
    package static func parents(
        of nodes: some RandomAccessCollection<SHA256Digest>,
        atLayer layer: Int
    ) -> [SHA256Digest] {
        var parents: [SHA256Digest] = []
        parents.reserveCapacity((nodes.count + 1) / 2)
        var index = nodes.startIndex
        while index < nodes.endIndex {
            let left = nodes[index]
            nodes.formIndex(after: &index)
            if index < nodes.endIndex {
                parents.append(SHA256Digest(hashing: left, nodes[index]))
                nodes.formIndex(after: &index)
            } else {
                parents.append(SHA256Digest(hashing: left, padding(atLayer: layer)))
            }
        }
        return parents
    }

    /// The node above `nodes` and the padding that makes them `width`.
    ///
    /// - Parameters:
    ///   - nodes: at least one, at most `width`.
    ///   - layer: where they stand.
    ///   - width: a power of two.
    package static func root(
        of nodes: some RandomAccessCollection<SHA256Digest>,
        atLayer layer: Int = 0,
        width: Int
    ) -> SHA256Digest {
        precondition(!nodes.isEmpty && nodes.count <= width)
        var nodes = Array(nodes)
        for step in 0..<height(ofWidth: width) {
            nodes = parents(of: nodes, atLayer: layer + step)
        }
        return nodes[0]
    }

    /// The node above `node`, its siblings and those of its ancestors, from the lowest up.
    ///
    /// - Parameter index: the place of `node` in its layer.
    package static func root(
        of node: SHA256Digest,
        at index: Int,
        uncles: some Sequence<SHA256Digest>
    ) -> SHA256Digest {
        var (node, index) = (node, index)
        for uncle in uncles {
            node =
                index & 1 == 0
                ? SHA256Digest(hashing: node, uncle) : SHA256Digest(hashing: uncle, node)
            index >>= 1
        }
        return node
    }
}
