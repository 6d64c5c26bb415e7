import BitTorrentProtocol

/// Where a node of the DHT is reached by whoever knows no other.
package struct BootstrapName: Equatable, Sendable, CustomStringConvertible {
    /// A host name or a numeric address; IPv6 without its brackets.
    package let host: String
    /// UDP port.
    package let port: UInt16

    /// - Returns: `nil` unless `text` is `host:port`; an IPv6 address stands in brackets.
    package init?(_ text: String) {
        guard !text.contains(where: { "/?#".contains($0) }),
            let url = UDPTrackerURL("udp://" + text)
        else { return nil }
        host = url.host
        port = url.port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
