/// What one file gives to the metainfo of a torrent in which every file begins a piece (BEP 47, BEP 52).
///
/// It does not depend on the other files: when one of them changes, this file need not be read.
package struct FileHashes: Equatable, Sendable {
    /// Bytes in the file.
    package let length: UInt64
    /// SHA-1 of each piece, 20 bytes each; the last as if zeros filled it up.
    ///
    /// None for v2 alone.
    package var pieceHashes: [UInt8] = []
    /// SHA-1 of the last piece without such zeros, which counts if no file follows; empty for an
    /// empty file.
    package var tailHash: [UInt8] = []
    /// The node of the file's hash tree above each piece (BEP 52); none for v1 alone.
    package var pieceRoots: [SHA256Digest] = []

    package init(
        length: UInt64,
        pieceHashes: [UInt8] = [],
        tailHash: [UInt8] = [],
        pieceRoots: [SHA256Digest] = []
    ) {
        self.pieceRoots = pieceRoots
        self.length = length
        self.pieceHashes = pieceHashes
        self.tailHash = tailHash
    }

    /// Whether they are all that a torrent of this version needs.
    package func suffice(for version: TorrentInfo.Version) -> Bool {
        length == 0
            || (!version.hasVersion1 || !pieceHashes.isEmpty)
                && (!version.hasVersion2 || !pieceRoots.isEmpty)
    }
}
