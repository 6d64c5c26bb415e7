/// The twenty bytes by which a peer names itself in its handshake (BEP 3, BEP 20).
package struct PeerID: Hashable, Sendable {
    package static let byteCount = 20
    /// The client and version that begin our own ids (BEP 20).
    package static let prefix: [UInt8] = Array("-SL0100-".utf8)

    package let bytes: [UInt8]

    /// - Returns: `nil` unless `bytes` holds exactly 20 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// An id of our own: the prefix and twelve random letters and digits.
    package init(using generator: inout some RandomNumberGenerator) {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        bytes =
            Self.prefix
            + (Self.prefix.count..<Self.byteCount).map { _ in
                alphabet[Int(generator.next(upperBound: UInt(alphabet.count)))]
            }
    }
}

extension PeerID: CustomStringConvertible {
    /// Printable bytes as they are, others as `.`.
    package var description: String {
        String(decoding: bytes.map { (0x20..<0x7f).contains($0) ? $0 : 0x2e }, as: UTF8.self)
    }
}
