/// A DHT node and where it is reached (BEP 5, BEP 32).
package struct NodeContact: Hashable, Sendable {
    /// Bytes of a compact contact with an IPv4 address (BEP 5).
    package static let compactIPv4ByteCount = NodeID.byteCount + PeerAddress.compactIPv4ByteCount
    /// Bytes of a compact contact with an IPv6 address (BEP 32).
    package static let compactIPv6ByteCount = NodeID.byteCount + PeerAddress.compactIPv6ByteCount

    package let id: NodeID
    package let address: PeerAddress

    package init(id: NodeID, address: PeerAddress) {
        self.id = id
        self.address = address
    }

    /// 26 or 38 bytes.
    package var compact: [UInt8] { id.bytes + address.compact }

    /// The contacts of a compact list; those with port 0 are left out.
    ///
    /// - Returns: `nil` unless the list holds a whole number of entries.
    package static func list(compact: ArraySlice<UInt8>, isIPv6: Bool) -> [NodeContact]? {
        let byteCount = isIPv6 ? compactIPv6ByteCount : compactIPv4ByteCount
        guard compact.count % byteCount == 0 else { return nil }
        return stride(from: compact.startIndex, to: compact.endIndex, by: byteCount)
            .compactMap { start in
                let middle = start + NodeID.byteCount
                guard let id = NodeID(bytes: compact[start..<middle]),
                    let address = PeerAddress(compact: compact[middle..<start + byteCount])
                else { return nil }
                return NodeContact(id: id, address: address)
            }
    }
}
