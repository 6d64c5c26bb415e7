import Cryptography

/// The pieces that a peer at an address may request while it is choked (BEP 6): the same whenever and
/// for whomever they are worked out, so that a peer wins nothing by connecting again.
package enum AllowedFastSet {
    /// - Parameters:
    ///   - host: of the peer: four bytes or sixteen.
    ///   - count: so many pieces, or all if there are fewer.
    package static func pieces(
        for host: [UInt8],
        of infoHash: InfoHash,
        pieceCount: Int,
        count: Int
    ) -> [PieceIndex] {
        guard pieceCount > count else { return (0..<pieceCount).map { PieceIndex($0) } }
        // The neighbours in a network share a set: /24, and by the same reason /48.
        let network = host.count == 4 ? host.prefix(3) + [0] : host.prefix(6) + []
        var pieces: [PieceIndex] = []
        var digest = Array(network) + infoHash.bytes
        while pieces.count < count {
            digest = SHA1.hash(digest)
            for start in stride(from: 0, to: digest.count, by: 4) where pieces.count < count {
                let number = digest[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
                let piece = PieceIndex(Int(number % UInt32(pieceCount)))
                if !pieces.contains(piece) { pieces.append(piece) }
            }
        }
        return pieces
    }
}
