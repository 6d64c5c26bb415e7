package import BitTorrentProtocol
import Cryptography
package import NIOCore

/// Whether the bytes of a piece are what the torrent says.
package enum PieceVerifier {
    /// Compares the SHA-1 of the blocks, in order, with the piece's hash.
    package static func matches(_ blocks: [ByteBuffer], _ hash: ArraySlice<UInt8>) -> Bool {
        var hasher = SHA1Hasher()
        for block in blocks {
            block.withUnsafeReadableBytes { hasher.update($0) }
        }
        return hasher.finish().elementsEqual(hash)
    }

    /// Eight bytes of the SHA-1 of each block: enough to tell which block of a bad piece was wrong
    /// once the good piece is here, without keeping the bad bytes.
    package static func blockDigests(_ blocks: [ByteBuffer]) -> [UInt64] {
        blocks.map { block in
            let digest = block.withUnsafeReadableBytes { SHA1.hash($0) }
            return digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    /// The pieces of `candidates` whose bytes in `file` are right.
    ///
    /// Waits for the disk.
    package static func verifiedPieces(
        in file: CacheFile,
        of info: TorrentInfo,
        candidates: Bitfield
    ) throws(StorageError) -> Bitfield {
        var verified = Bitfield(count: info.geometry.pieceCount)
        for number in 0..<info.geometry.pieceCount where candidates[PieceIndex(number)] {
            let piece = PieceIndex(number)
            let bytes = try file.read(info.geometry.range(of: piece))
            verified[piece] = matches([bytes], info.hash(of: piece))
        }
        return verified
    }
}
