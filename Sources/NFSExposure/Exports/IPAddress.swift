import Glibc
package import NIOCore

/// An IP address as 128 bits.
///
/// An IPv4 address is held in its IPv4-mapped form `::ffff:a.b.c.d`, so that a client is the same
/// client whichever socket it came in by.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
    package let bits: UInt128

    package init(bits: UInt128) {
        self.bits = bits
    }

    package init(ipv4 bits: UInt32) {
        self.bits = Self.mappedPrefix | UInt128(bits)
    }

    /// Reads `192.168.1.2` or `2001:db8::1`.
    /// - Returns: `nil` for anything else; names are not resolved.
    package init?(_ text: String) {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self.init(ipv4: UInt32(bigEndian: four.s_addr))
            return
        }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return nil }
        self.init(six)
    }

    /// - Returns: `nil` for addresses that are not of the Internet, such as Unix sockets.
    package init?(_ address: SocketAddress) {
        guard let text = address.ipAddress else { return nil }
        self.init(text)
    }

    init(_ address: in6_addr) {
        bits = withUnsafeBytes(of: address) { bytes in
            bytes.reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        }
    }

    package var isIPv4: Bool { bits & ~UInt128(UInt32.max) == Self.mappedPrefix }

    /// Of a program on this machine, by an address that no network leads to.
    package var isLoopback: Bool {
        isIPv4 ? UInt8(truncatingIfNeeded: bits >> 24) == 127 : bits == 1
    }

    package var description: String {
        if isIPv4 {
            return (0..<4).map { "\(UInt8(truncatingIfNeeded: bits >> (24 - 8 * $0)))" }
                .joined(separator: ".")
        }
        var address = in6_addr()
        withUnsafeMutableBytes(of: &address) { bytes in
            for index in 0..<16 {
                bytes[index] = UInt8(truncatingIfNeeded: bits >> UInt128(120 - 8 * index))
            }
        }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(AF_INET6, &address, &text, socklen_t(text.count)) != nil else { return "?" }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private static let mappedPrefix: UInt128 = 0xffff << 32
}

/// A network: the addresses that agree in their first bits.
package struct IPPrefix: Hashable, Sendable, CustomStringConvertible {
    package let address: IPAddress
    /// 0...128, counted over the 128 bits; `192.168.1.0/24` has 120.
    package let length: Int

    package static let everyone = Self(address: IPAddress(bits: 0), length: 0)

    package init(host: IPAddress) {
        self.init(address: host, length: 128)
    }

    private init(address: IPAddress, length: Int) {
        self.address = IPAddress(bits: address.bits & Self.mask(length))
        self.length = length
    }

    /// Reads `192.168.1.0/24`, `192.168.1.0/255.255.255.0`, `2001:db8::/32` or a single address.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])) else { return nil }
        guard parts.count == 2 else {
            self.init(host: address)
            return
        }
        guard let length = Self.length(String(parts[1]), of: address) else { return nil }
        self.init(address: address, length: length)
    }

    package func contains(_ other: IPAddress) -> Bool {
        (other.bits ^ address.bits) & Self.mask(length) == 0
    }

    package var description: String {
        if length == 0 { return "*" }
        if length == 128 { return "\(address)" }
        return address.isIPv4 && length >= 96
            ? "\(address)/\(length - 96)" : "\(address)/\(length)"
    }

    private static func length(_ text: String, of address: IPAddress) -> Int? {
        if let number = UInt8(text), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            let length = address.isIPv4 ? Int(number) + 96 : Int(number)
            return length <= 128 ? length : nil
        }
        guard address.isIPv4, let mask = IPAddress(text), mask.isIPv4 else { return nil }
        let bits = UInt32(truncatingIfNeeded: mask.bits)
        let ones = (~bits).leadingZeroBitCount
        // A mask is ones followed by zeros and nothing else.
        return bits.nonzeroBitCount == ones ? 96 + ones : nil
    }

    private static func mask(_ length: Int) -> UInt128 {
        length == 0 ? 0 : UInt128.max << UInt128(128 - length)
    }
}
