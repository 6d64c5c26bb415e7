/// Where a peer listens: an IPv4 or IPv6 address and a TCP port.
package struct PeerAddress: Hashable, Sendable {
    /// Four or sixteen bytes, in network order.
    package let host: [UInt8]
    package let port: UInt16

    /// - Returns: `nil` unless `host` holds four or sixteen bytes and the port is not zero.
    package init?(host: [UInt8], port: UInt16) {
        guard host.count == 4 || host.count == 16, port != 0 else { return nil }
        self.host = host
        self.port = port
    }
}
