package import BitTorrentProtocol
import Cryptography
package import NIOCore

/// Whether the bytes of a piece are what the torrent says.
package enum PieceVerifier {
    package enum Verdict: Sendable {
        case right
        case wrong
        /// Of a hybrid torrent's two hashes one is right: the torrent itself is wrong, not the bytes.
        case contradictory
    }

    /// Hashes the blocks, in order, with what the piece's hash asks for.
    ///
    /// - Parameter blocks: each but the last of a multiple of 16 KiB.
    package static func verdict(on blocks: [ByteBuffer], _ hash: PieceHash) -> Verdict {
        let matches = [
            hash.sha1.map {
                sha1(of: blocks, paddingByteCount: hash.paddingByteCount) == Array($0)
            },
            hash.merkleRoot.map {
                MerkleTree.root(of: leaves(of: blocks), width: hash.leafCount) == $0
            },
        ].compactMap(\.self)
        if matches.allSatisfy({ $0 }) { return .right }
        return matches.contains(true) ? .contradictory : .wrong
    }

    /// Whether every hash of the piece is right.
    package static func matches(_ blocks: [ByteBuffer], _ hash: PieceHash) -> Bool {
        verdict(on: blocks, hash) == .right
    }

    /// The leaves of v2 (BEP 52).
    ///
    /// - Parameter blocks: each but the last of a multiple of 16 KiB.
    package static func leaves(of blocks: [ByteBuffer]) -> [SHA256Digest] {
        blocks.flatMap { $0.withUnsafeReadableBytes { MerkleTree.leaves(of: $0) } }
    }

    private static func sha1(of blocks: [ByteBuffer], paddingByteCount: Int) -> [UInt8] {
        var hasher = SHA1Hasher()
        for block in blocks {
            block.withUnsafeReadableBytes { hasher.update($0) }
        }
        let zeros = [UInt8](repeating: 0, count: min(paddingByteCount, 1 << 16))
        for start in stride(from: 0, to: paddingByteCount, by: 1 << 16) {
            hasher.update(Array(zeros.prefix(paddingByteCount - start)))
        }
        return hasher.finish()
    }

    /// Eight bytes of the SHA-1 of each block: enough to tell which block of a bad piece was wrong
    /// once the good piece is here, without keeping the bad bytes.
    package static func blockDigests(_ blocks: [ByteBuffer]) -> [UInt64] {
        blocks.map { block in
            let digest = block.withUnsafeReadableBytes { SHA1.hash($0) }
            return digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// The pieces of `candidates` whose bytes in `source` are right; those that cannot be verified are
    /// left out.
    ///
    /// Waits for the disk.
    package static func verifiedPieces(
        in source: any PieceSource,
        of info: TorrentInfo,
        pieceLayers: PieceLayers,
        candidates: Bitfield
    ) throws(StorageError) -> Bitfield {
        var verified = Bitfield(count: info.geometry.pieceCount)
        for number in 0..<info.geometry.pieceCount where candidates[PieceIndex(number)] {
            let piece = PieceIndex(number)
            let root = info.merkleRoot(of: piece, in: pieceLayers)
            guard let hash = info.hash(of: piece, merkleRoot: root) else { continue }
            let bytes = try source.read(info.geometry.range(of: piece))
            verified[piece] = matches([bytes], hash)
        }
        return verified
    }
}
