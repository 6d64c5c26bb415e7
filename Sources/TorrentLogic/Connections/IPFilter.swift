package import BitTorrentProtocol

/// Addresses that are not spoken with: ranges, sorted and apart, of 8 bytes each for IPv4 and of 32
/// for IPv6.
package struct IPFilter: Sendable {
    struct Range<Address: Comparable & Sendable>: Sendable {
        var first: Address
        var last: Address
    }

    struct IPv6: Comparable, Sendable {
        let high: UInt64
        let low: UInt64

        static func < (left: Self, right: Self) -> Bool {
            (left.high, left.low) < (right.high, right.low)
        }

        var next: IPv6? {
            let (low, carry) = low.addingReportingOverflow(1)
            guard carry else { return IPv6(high: high, low: low) }
            return high == .max ? nil : IPv6(high: high + 1, low: 0)
        }
    }

    private let ipv4: [Range<UInt32>]
    private let ipv6: [Range<IPv6>]

    /// In any order; they may overlap.
    init(ipv4: [Range<UInt32>], ipv6: [Range<IPv6>]) {
        self.ipv4 = Self.merged(ipv4) { $0 == .max ? nil : $0 + 1 }
        self.ipv6 = Self.merged(ipv6, next: \.next)
    }

    package var rangeCount: Int { ipv4.count + ipv6.count }

    /// Bytes of memory that the ranges take.
    package var byteCount: Int {
        ipv4.capacity * MemoryLayout<Range<UInt32>>.stride
            + ipv6.capacity * MemoryLayout<Range<IPv6>>.stride
    }

    package func contains(_ address: PeerAddress) -> Bool {
        let host = address.host
        guard address.isIPv6 else {
            return Self.contains(host.reduce(0) { $0 << 8 | UInt32($1) }, in: ipv4)
        }
        let high = host.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        let low = host.suffix(8).reduce(0) { $0 << 8 | UInt64($1) }
        return Self.contains(IPv6(high: high, low: low), in: ipv6)
    }

    private static func contains<Address>(_ address: Address, in ranges: [Range<Address>]) -> Bool {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].last < address { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].first <= address
    }

    /// Sorted, with what overlaps or touches as one.
    private static func merged<Address>(
        _ ranges: [Range<Address>],
        next: (Address) -> Address?
    ) -> [Range<Address>] {
        var sorted = ranges
        sorted.sort { $0.first < $1.first }
        var count = 0
        for range in sorted {
            if count > 0, next(sorted[count - 1].last).map({ range.first <= $0 }) ?? true {
                sorted[count - 1].last = max(sorted[count - 1].last, range.last)
            } else {
                sorted[count] = range
                count += 1
            }
        }
        // Of the size that is needed, not of the size that was reserved.
        return Array(unsafeUninitializedCapacity: count) { buffer, filled in
            filled = buffer.initialize(fromContentsOf: sorted[..<count])
        }
    }
}
