/// An address of a page at a gateway: plain HTTP and a numeric IPv4 host, which is all that gateways
/// have and all that is asked.
package struct GatewayURL: Hashable, Sendable, CustomStringConvertible {
    package static let maximumByteCount = 1024

    package let address: PeerAddress
    /// Path and query, from the slash on.
    package let path: String

    private init?(address: PeerAddress, path: String) {
        guard path.hasPrefix("/"), path.utf8.count <= Self.maximumByteCount,
            path.utf8.allSatisfy({ (0x21..<0x7f).contains($0) && $0 != UInt8(ascii: "#") })
        else { return nil }
        self.address = address
        self.path = path
    }

    /// - Returns: `nil` unless it is `http://`, an IPv4 address, perhaps a port, and perhaps a path.
    package init?(_ text: String) {
        guard text.utf8.count <= Self.maximumByteCount,
            text.prefix(7).lowercased() == "http://"
        else { return nil }
        let rest = text.dropFirst(7)
        let authority = rest.prefix { $0 != "/" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count <= 2, let host = parts.first,
            let port = parts.count == 2 ? Self.port(parts[1]) : 80,
            let address = PeerAddress(numericHost: host, port: port), !address.isIPv6
        else { return nil }
        let path = rest.dropFirst(authority.count)
        self.init(address: address, path: path.isEmpty ? "/" : String(path))
    }

    private static func port(_ text: Substring) -> UInt16? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt16(text) : nil
    }

    /// What a reference on this page leads to, or `nil` if that is another host or no URL of this
    /// kind.
    package func resolving(_ reference: String) -> GatewayURL? {
        if let url = GatewayURL(reference) { return url.address.host == address.host ? url : nil }
        guard !reference.isEmpty, !reference.contains("://"), !reference.hasPrefix("//") else {
            return nil
        }
        if reference.hasPrefix("/") { return GatewayURL(address: address, path: reference) }
        let end = path.prefix { $0 != "?" }.lastIndex(of: "/") ?? path.startIndex
        return GatewayURL(address: address, path: path[...end] + reference)
    }

    package var description: String { "http://\(address)\(path)" }
}
