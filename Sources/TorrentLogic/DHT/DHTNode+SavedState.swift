import BitTorrentProtocol

extension DHTNode.SavedState {
    private static let version: UInt8 = 1
    private static let hasIPv4ID: UInt8 = 1
    private static let hasIPv6ID: UInt8 = 2

    /// What `init(bytes:)` reads: a version, which ids there are, these, the number of IPv4
    /// contacts, those, and the IPv6 contacts.
    package var bytes: [UInt8] {
        let ipv4 = contacts.filter { !$0.address.isIPv6 }
        let ipv6 = contacts.filter(\.address.isIPv6)
        let flags = (ipv4ID == nil ? 0 : Self.hasIPv4ID) | (ipv6ID == nil ? 0 : Self.hasIPv6ID)
        return [Self.version, flags] + (ipv4ID?.bytes ?? []) + (ipv6ID?.bytes ?? [])
            + [UInt8(truncatingIfNeeded: ipv4.count >> 8), UInt8(truncatingIfNeeded: ipv4.count)]
            + ipv4.flatMap(\.compact) + ipv6.flatMap(\.compact)
    }

    /// - Returns: `nil` unless the bytes are such a state, whole.
    package init?(bytes: [UInt8]) {
        var rest = bytes[...]
        func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        guard let head = take(2), head.first == Self.version, let flags = head.last,
            flags & ~(Self.hasIPv4ID | Self.hasIPv6ID) == 0
        else { return nil }
        var ids: [NodeID?] = []
        for flag in [Self.hasIPv4ID, Self.hasIPv6ID] {
            guard flags & flag != 0 else {
                ids.append(nil)
                continue
            }
            guard let bytes = take(NodeID.byteCount), let id = NodeID(bytes: bytes) else {
                return nil
            }
            ids.append(id)
        }
        guard let count = take(2)?.reduce(0, { $0 << 8 | Int($1) }),
            let ipv4Bytes = take(count * NodeContact.compactIPv4ByteCount),
            let ipv4 = NodeContact.list(compact: ipv4Bytes, isIPv6: false),
            let ipv6 = NodeContact.list(compact: rest, isIPv6: true)
        else { return nil }
        self.init(
            ipv4ID: ids[0],
            ipv6ID: ids[1],
            contacts: Array((ipv4 + ipv6).prefix(Self.maximumContactCount))
        )
    }
}
