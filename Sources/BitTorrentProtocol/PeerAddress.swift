/// Where a peer listens: an IPv4 or IPv6 address and a TCP port.
///
/// The address is held inline, so that tables of peers need no allocation per key. An IPv4-mapped
/// IPv6 address is the IPv4 address, so that a peer has one name on either kind of socket.
package struct PeerAddress: Hashable, Sendable {
    /// The address as a number: of 32 bits, or the two halves of 128.
    private let high: UInt64
    private let low: UInt64
    package let isIPv6: Bool
    package let port: UInt16

    /// - Returns: `nil` unless `host` holds four or sixteen bytes in network order and the port is
    ///   not zero.
    package init?(host: [UInt8], port: UInt16) { self.init(bytes: host, port: port) }

    init?(bytes: some Collection<UInt8>, port: UInt16) {
        guard bytes.count == 4 || bytes.count == 16, port != 0 else { return nil }
        let high = bytes.dropLast(8).reduce(0) { $0 << 8 | UInt64($1) }
        let low = bytes.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
        self.port = port
        // RFC 4291, section 2.5.5.2: ::ffff:a.b.c.d
        if bytes.count == 16, high == 0, low >> 32 == 0xffff {
            isIPv6 = false
            self.high = 0
            self.low = low & 0xffff_ffff
        } else {
            isIPv6 = bytes.count == 16
            self.high = high
            self.low = low
        }
    }

    /// Four or sixteen bytes, in network order.
    package var host: [UInt8] {
        isIPv6
            ? (0..<16).map {
                UInt8(truncatingIfNeeded: ($0 < 8 ? high : low) >> (56 - 8 * ($0 & 7)))
            }
            : (0..<4).map { UInt8(truncatingIfNeeded: low >> (24 - 8 * $0)) }
    }

    /// The same host with another port, or `nil` if the port is zero.
    package func withPort(_ port: UInt16) -> PeerAddress? { PeerAddress(host: host, port: port) }
}

// MARK: - Kinds of address

extension PeerAddress {
    /// 127.0.0.0/8 or ::1.
    package var isLoopback: Bool { isIPv6 ? high == 0 && low == 1 : low >> 24 == 127 }

    /// 169.254.0.0/16 or fe80::/10.
    package var isLinkLocal: Bool {
        isIPv6 ? high >> 54 == 0xfe80 >> 6 : low >> 16 == 0xa9fe
    }

    /// 0.0.0.0/8 ("this network", RFC 1122) or `::`: nothing that can be dialled.
    package var isUnspecified: Bool { isIPv6 ? high == 0 && low == 0 : low >> 24 == 0 }

    /// 224.0.0.0/4, the broadcast address 255.255.255.255, or ff00::/8.
    package var isMulticast: Bool {
        isIPv6 ? high >> 56 == 0xff : low >> 28 == 0xe || low == 0xffff_ffff
    }

    /// 10/8, 172.16/12, 192.168/16 (RFC 1918), 100.64/10 (RFC 6598) or fc00::/7 (RFC 4193).
    package var isPrivate: Bool {
        guard !isIPv6 else { return high >> 57 == 0xfc >> 1 }
        return low >> 24 == 10 || low >> 20 == 0xac1 || low >> 16 == 0xc0a8 || low >> 22 == 0x191
    }
}

// MARK: - Compact form

extension PeerAddress {
    /// Bytes of a compact IPv4 address and port (BEP 23).
    package static let compactIPv4ByteCount = 6
    /// Bytes of a compact IPv6 address and port (BEP 7).
    package static let compactIPv6ByteCount = 18

    /// The address and the port in network order: 6 bytes (BEP 23) or 18 (BEP 7).
    package var compact: [UInt8] {
        host + [UInt8(truncatingIfNeeded: port >> 8), UInt8(truncatingIfNeeded: port)]
    }

    /// - Returns: `nil` unless `compact` holds 6 or 18 bytes and the port is not zero.
    package init?(compact: some Collection<UInt8>) {
        guard
            compact.count == Self.compactIPv4ByteCount || compact.count == Self.compactIPv6ByteCount
        else { return nil }
        let port = compact.suffix(2).reduce(0) { $0 << 8 | UInt16($1) }
        self.init(bytes: compact.dropLast(2), port: port)
    }

    /// The addresses in a compact list; those that cannot be dialled (port 0) are left out.
    ///
    /// - Parameter stride: 6 for IPv4 (BEP 23), 18 for IPv6 (BEP 7).
    /// - Returns: `nil` unless the list holds a whole number of entries.
    package static func list(
        compact: ArraySlice<UInt8>,
        stride byteCount: Int,
        maximumCount: Int = .max
    ) -> [PeerAddress]? {
        guard compact.count % byteCount == 0 else { return nil }
        return stride(from: compact.startIndex, to: compact.endIndex, by: byteCount)
            .prefix(maximumCount)
            .compactMap { PeerAddress(compact: compact[$0..<$0 + byteCount]) }
    }
}
