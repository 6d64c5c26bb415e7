/// The reserved bits of a handshake: what a peer can do beyond BEP 3.
///
/// The raw value is the eight bytes in network order, so that bits without a name here survive.
package struct PeerCapabilities: OptionSet, Hashable, Sendable {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Extension protocol (BEP 10): byte 5, 0x10.
    package static let extensionProtocol = Self(rawValue: 0x10_0000)
    /// Fast extension (BEP 6): byte 7, 0x04.
    package static let fast = Self(rawValue: 0x04)
    /// DHT (BEP 5): byte 7, 0x01.
    package static let dht = Self(rawValue: 0x01)
    /// A hybrid torrent may go on as v2 (BEP 52): byte 7, 0x10.
    package static let version2 = Self(rawValue: 0x10)
}
