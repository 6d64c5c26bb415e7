import Cryptography

/// What stands for a torrent in an encrypted handshake: `HASH('req2', SKEY)`.
///
/// Whoever accepts connections keeps a table of these, because a name cannot be computed back.
package struct ObfuscatedInfoHash: Hashable, Sendable {
    /// Of the same form, but no info-hash.
    private let digest: InfoHash

    package init(_ infoHash: InfoHash) {
        digest = InfoHash(ofInfoDictionary: Array("req2".utf8) + infoHash.bytes)
    }

    /// - Returns: `nil` unless both have twenty bytes.
    init?(_ bytes: [UInt8], maskedBy mask: [UInt8]) {
        guard mask.count == bytes.count, let digest = InfoHash(bytes: xor(bytes, mask)) else {
            return nil
        }
        self.digest = digest
    }

    func bytes(maskedBy mask: [UInt8]) -> [UInt8] { xor(digest.bytes, mask) }
}

private func xor(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] { zip(left, right).map { $0 ^ $1 } }
