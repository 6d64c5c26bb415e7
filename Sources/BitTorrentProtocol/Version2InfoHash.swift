/// The SHA-256 of the raw info dictionary of a v2 or hybrid torrent (BEP 52).
///
/// Where 20 bytes are spoken of (handshakes, trackers, the DHT) it is cut to its first 20.
package struct Version2InfoHash: Hashable, Sendable {
    package static let byteCount = SHA256Digest.byteCount

    private let digest: SHA256Digest

    /// - Returns: `nil` unless `bytes` holds exactly 32 bytes.
    package init?(bytes: some Collection<UInt8>) {
        guard let digest = SHA256Digest(bytes: bytes) else { return nil }
        self.digest = digest
    }

    /// The hash of an info dictionary, exactly as found.
    package init(ofInfoDictionary bytes: some Collection<UInt8>) {
        digest = SHA256Digest(hashing: bytes)
    }

    package var bytes: [UInt8] { digest.bytes }

    /// The first 20 bytes.
    package var truncated: InfoHash { InfoHash(firstBytesOf: digest) }
}

extension Version2InfoHash: CustomStringConvertible {
    /// 64 lowercase hexadecimal digits.
    package var description: String { hexadecimalText(bytes) }
}
