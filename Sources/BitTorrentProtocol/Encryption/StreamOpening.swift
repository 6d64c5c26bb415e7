package import NIOCore

/// What the first bytes of an accepted connection are the beginning of.
package enum StreamOpening: Equatable, Sendable {
    /// Too few bytes to tell.
    case undecided
    /// BEP 3's handshake as it is.
    case plaintext
    /// Anything else: a public key looks like nothing in particular.
    case encrypted

    /// A length byte and the name of the protocol.
    private static let plaintextByteCount = 20

    /// - Parameter buffer: from the first byte on.
    package init(of buffer: ByteBuffer) {
        do {
            _ = try Handshake.opening(in: buffer)
            self = buffer.readableBytes < Self.plaintextByteCount ? .undecided : .plaintext
        } catch {
            self = .encrypted
        }
    }
}
