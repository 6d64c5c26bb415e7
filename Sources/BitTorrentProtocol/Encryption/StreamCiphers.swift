import Cryptography
package import NIOCore

/// The two RC4 streams of one side of an encrypted connection.
package struct StreamCiphers: Sendable {
    /// The first bytes of an RC4 stream tell of its key.
    private static let discardedByteCount = 1024

    private var outgoing: RC4
    private var incoming: RC4

    init(outgoingKey: [UInt8], incomingKey: [UInt8]) {
        outgoing = RC4(key: outgoingKey, discarding: Self.discardedByteCount)
        incoming = RC4(key: incomingKey, discarding: Self.discardedByteCount)
    }

    /// The next bytes to send, in memory of their own: a payload may be shared with other readers.
    package mutating func encrypt(_ bytes: ByteBuffer) -> ByteBuffer {
        Self.apply(&outgoing, to: bytes)
    }

    /// The next bytes received, in memory of their own.
    package mutating func decrypt(_ bytes: ByteBuffer) -> ByteBuffer {
        Self.apply(&incoming, to: bytes)
    }

    /// In one pass: a copy that is then changed in place would read and write all memory twice.
    private static func apply(_ cipher: inout RC4, to bytes: ByteBuffer) -> ByteBuffer {
        let count = bytes.readableBytes
        var result = ByteBuffer()
        result.reserveCapacity(count)
        result.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { output in
            bytes.withUnsafeReadableBytes { cipher.apply($0, into: output) }
            return count
        }
        return result
    }
}
