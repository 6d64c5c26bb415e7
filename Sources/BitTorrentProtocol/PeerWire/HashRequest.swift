import NIOCore

/// Hashes of a file's tree as a peer names them: not yet held against the torrent (BEP 52).
package struct HashRequest: Hashable, Sendable {
    /// The most hashes that one should ask for.
    package static let maximumLength = 512
    static let byteCount = SHA256Digest.byteCount + 16

    /// `pieces root` of the file.
    package let root: SHA256Digest
    /// The layer of the wanted hashes, counted from the leaves.
    package let baseLayer: UInt32
    /// The place of the first in its layer; a multiple of `length`.
    package let index: UInt32
    /// How many; a power of two.
    package let length: UInt32
    /// Layers above the base layer whose uncles are to prove the hashes; those uncles that can be
    /// computed of the hashes themselves are not sent.
    package let proofLayerCount: UInt32

    package init(
        root: SHA256Digest,
        baseLayer: UInt32,
        index: UInt32,
        length: UInt32,
        proofLayerCount: UInt32
    ) {
        self.root = root
        self.baseLayer = baseLayer
        self.index = index
        self.length = length
        self.proofLayerCount = proofLayerCount
    }

    /// - Precondition: `buffer` holds `byteCount` bytes.
    init?(consuming buffer: inout ByteBuffer) {
        guard let rootBytes = buffer.readSlice(length: SHA256Digest.byteCount),
            let root = SHA256Digest(bytes: rootBytes.readableBytesView),
            let (baseLayer, index, length, proofLayerCount) = buffer.readMultipleIntegers(
                as: (UInt32, UInt32, UInt32, UInt32).self
            )
        else { return nil }
        self.init(
            root: root,
            baseLayer: baseLayer,
            index: index,
            length: length,
            proofLayerCount: proofLayerCount
        )
    }

    func encode(into buffer: inout ByteBuffer) {
        buffer.writeBytes(root.bytes)
        buffer.writeMultipleIntegers(baseLayer, index, length, proofLayerCount)
    }
}
