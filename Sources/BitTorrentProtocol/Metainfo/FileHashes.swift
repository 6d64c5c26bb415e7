/// What one file gives to the metainfo of a torrent in which every file begins a piece (BEP 47).
///
/// It does not depend on the other files: when one of them changes, this file need not be read.
package struct FileHashes: Equatable, Sendable {
    /// Bytes in the file.
    package let length: UInt64
    /// SHA-1 of each piece, 20 bytes each; the last as if zeros filled it up.
    package var pieceHashes: [UInt8] = []
    /// SHA-1 of the last piece without such zeros, which counts if no file follows; empty for an
    /// empty file.
    package var tailHash: [UInt8] = []

    package init(length: UInt64, pieceHashes: [UInt8] = [], tailHash: [UInt8] = []) {
        self.length = length
        self.pieceHashes = pieceHashes
        self.tailHash = tailHash
    }
}
