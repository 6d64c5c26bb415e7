import BitTorrentProtocol
import NIOCore

/// Which addresses that strangers name are connected to: a torrent or a tracker must not make this
/// machine talk to itself or to what only its link can reach.
struct AddressFilter: Sendable {
    let allowsLoopback: Bool
    /// Who is found there is ourselves.
    var own = OwnAddresses()

    func allows(_ address: PeerAddress) -> Bool {
        guard !address.isUnspecified, !address.isMulticast, !own.contains(address) else {
            return false
        }
        return allowsLoopback || !(address.isLoopback || address.isLinkLocal)
    }

    /// - Parameter host: of a URL: a name, an address, or an address in brackets.
    func allows(host: String) -> Bool {
        let bare = host.hasPrefix("[") ? host.dropFirst().dropLast() : host[...]
        if let address = PeerAddress(numericHost: bare, port: 1) { return allows(address) }
        let name = bare.lowercased()
        return allowsLoopback || !(name == "localhost" || name.hasSuffix(".localhost"))
    }
}

extension PeerAddress {
    /// - Returns: `nil` for a Unix socket.
    init?(_ address: SocketAddress) {
        guard let host = address.ipAddress, let port = address.port else { return nil }
        self.init(numericHost: host, port: UInt16(truncatingIfNeeded: port))
    }

    var socketAddress: SocketAddress {
        get throws {
            try SocketAddress(packedIPAddress: ByteBuffer(bytes: host), port: Int(port))
        }
    }
}
