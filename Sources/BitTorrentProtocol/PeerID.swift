/// The twenty bytes by which a peer names itself in its handshake (BEP 3, BEP 20).
package struct PeerID: Hashable, Sendable {
    package let bytes: [UInt8]

    /// - Returns: `nil` unless `bytes` holds exactly 20 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == 20 else { return nil }
        self.bytes = bytes
    }
}
