/// The announce URL of a UDP tracker (BEP 15), taken apart.
package struct UDPTrackerURL: Hashable, Sendable {
    static let maximumByteCount = 2048

    /// A host name or a numeric address; IPv6 without its brackets.
    package let host: String
    package let port: UInt16
    /// Path and query: what BEP 41 sends along; `nil` if there is neither.
    package let urlData: String?

    /// - Returns: `nil` unless `text` is `udp://host:port` with an optional path and query.
    package init?(_ text: String) {
        let scheme = "udp://"
        guard text.utf8.count <= Self.maximumByteCount,
            text.prefix(scheme.count).lowercased() == scheme,
            text.utf8.allSatisfy({ (0x21..<0x7f).contains($0) })
        else { return nil }
        let rest = text.dropFirst(scheme.count).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let data = rest[authority.endIndex...]
        guard let colon = authority.lastIndex(of: ":"),
            let port = UInt16(authority[authority.index(after: colon)...]), port != 0
        else { return nil }
        var host = authority[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard PeerAddress(numericHost: host, port: port)?.isIPv6 == true else { return nil }
        } else {
            guard !host.contains(where: { ":[]@".contains($0) }) else { return nil }
        }
        guard !host.isEmpty else { return nil }
        self.host = String(host)
        self.port = port
        urlData = data.isEmpty || data == "/" ? nil : String(data)
    }
}
