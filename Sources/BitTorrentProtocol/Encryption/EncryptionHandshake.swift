import Cryptography
package import NIOCore

/// What the bytes that arrived during an encrypted handshake lead to.
package struct EncryptionStep: Sendable {
    /// To be sent at once; may be empty.
    package let reply: ByteBuffer
    /// Set once the handshake is done.
    package let connection: EncryptedConnection?
}

/// A connection whose encrypted handshake is done.
package struct EncryptedConnection: Sendable {
    package let infoHash: InfoHash
    /// `nil` if everything from now on travels as it is.
    package let ciphers: StreamCiphers?
    /// What the other side has sent already, its initial payload first; decrypted.
    package let received: ByteBuffer
}

/// Numbers and fields that both sides of the handshake have in common.
enum EncryptionHandshake {
    /// Bytes of each padding at most.
    static let maximumPaddingByteCount = 512
    /// Bytes that the initiating side may send along: a handshake needs 68, a bitfield after it a
    /// bit for each piece.
    static let maximumInitialPayloadByteCount = 16 << 10
    /// VC: by these zeros each side sees that it decrypts rightly.
    static let verification = [UInt8](repeating: 0, count: 8)

    /// - Parameter generator: decides how many bytes, and which: they must look like the key before
    ///   them.
    static func padding(using generator: inout some RandomNumberGenerator) -> [UInt8] {
        generator.bytes(Int.random(in: 0...maximumPaddingByteCount, using: &generator))
    }

    /// - Throws: `paddingTooLong`.
    static func paddingByteCount(_ length: UInt16) throws(EncryptionError) -> Int {
        guard length <= maximumPaddingByteCount else {
            throw .paddingTooLong(byteCount: Int(length))
        }
        return Int(length)
    }
}

extension ByteBuffer {
    /// Takes padding off the front, and the marker that ends it.
    ///
    /// - Returns: `false`, and leaves the buffer, while bytes are missing.
    /// - Throws: `notSynchronised` once the marker can no longer begin within the longest padding.
    mutating func skipPadding(through marker: [UInt8]) throws(EncryptionError) -> Bool {
        let maximum = EncryptionHandshake.maximumPaddingByteCount
        let offset = withUnsafeReadableBytes { bytes in
            (0..<max(0, min(maximum, bytes.count - marker.count) + 1)).first { offset in
                bytes[offset..<offset + marker.count].elementsEqual(marker)
            }
        }
        if let offset {
            moveReaderIndex(forwardBy: offset + marker.count)
            return true
        }
        guard readableBytes < maximum + marker.count else { throw .notSynchronised }
        return false
    }
}
