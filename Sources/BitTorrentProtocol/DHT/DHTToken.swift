import Cryptography

/// What proves that an announcing node has the address from which it asked before (BEP 5).
package struct DHTToken: Hashable, Sendable {
    package static let byteCount = 8

    package let bytes: [UInt8]

    /// Depends on the host alone: a NAT may give each packet another port.
    ///
    /// The secret is at the front and of one length, and the input never leaves: this needs none
    /// of the strength against longer messages that HMAC has.
    package init(host: [UInt8], secret: [UInt8]) {
        bytes = Array(SHA1.hash(secret + host).prefix(Self.byteCount))
    }
}
