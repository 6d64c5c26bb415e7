/// How much a connection between two peers is worth (BEP 40): a number that both sides come to alike,
/// so that full swarms keep connections that neither side would close.
package struct PeerPriority: Hashable, Comparable, Sendable {
    package let rawValue: UInt32

    /// - Precondition: both are IPv4 or both IPv6; else the priority means nothing.
    package init(_ one: PeerAddress, _ other: PeerAddress) {
        let (first, second) = (one.host, other.host)
        if first == second {
            let ports = [one.port, other.port].sorted()
            rawValue = crc32c(ports.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xff)] })
            return
        }
        let isOrdered = first.lexicographicallyPrecedes(second)
        let (low, high) = isOrdered ? (first, second) : (second, first)
        let common = zip(low, high).prefix { $0.0 == $0.1 }.count
        let kept = Self.wholeByteCount(common: common, isIPv6: one.isIPv6)
        rawValue = crc32c(Self.masked(low, kept: kept) + Self.masked(high, kept: kept))
    }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Bytes that count whole: more of them, the nearer the peers are, so that neighbours differ.
    private static func wholeByteCount(common: Int, isIPv6: Bool) -> Int {
        isIPv6
            ? (common < 4 ? 6 : common < 6 ? 7 : 8)
            : (common < 2 ? 2 : common < 3 ? 3 : 4)
    }

    /// Of the others every second bit counts.
    private static func masked(_ host: [UInt8], kept: Int) -> [UInt8] {
        host.enumerated().map { $0.offset < kept ? $0.element : $0.element & 0x55 }
    }
}
