/// Where a connection through a proxy is to lead.
package struct ProxyDestination: Hashable, Sendable {
    package enum Host: Hashable, Sendable {
        /// Looked up by the proxy: 1 to 255 bytes of printable ASCII.
        case name(String)
        /// 4 or 16 bytes.
        case address([UInt8])
    }

    package let host: Host
    package let port: UInt16

    package init(_ address: PeerAddress) {
        self.init(host: .address(address.host), port: address.port)
    }

    /// - Parameter host: a name, or an address as a number, with or without brackets.
    /// - Returns: `nil` for what is no host or port zero.
    package init?(host: some StringProtocol, port: UInt16) {
        let bare =
            host.hasPrefix("[") && host.hasSuffix("]")
            ? String(host.dropFirst().dropLast()) : String(host)
        if let address = PeerAddress(numericHost: bare, port: port) {
            self.init(address)
            return
        }
        guard port != 0, (1...255).contains(bare.utf8.count),
            bare.utf8.allSatisfy({ (0x21..<0x7f).contains($0) }), !bare.contains(":")
        else { return nil }
        self.init(host: .name(bare), port: port)
    }

    private init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        self.init(host: text[..<colon], port: port)
    }
}

extension ProxyDestination: CustomStringConvertible {
    /// `host:port`, an IPv6 address in brackets.
    package var description: String {
        switch host {
        case .name(let name): "\(name):\(port)"
        case .address(let bytes):
            PeerAddress(host: bytes, port: port).map { "\($0)" } ?? ""
        }
    }
}
