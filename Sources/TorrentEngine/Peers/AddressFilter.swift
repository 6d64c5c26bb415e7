import BitTorrentProtocol
import NIOCore

/// Which addresses that strangers name are spoken with, whether as peers, trackers, web seeds or nodes
/// of the DHT: a torrent or a tracker must not make this machine talk to itself, to what only its link
/// can reach, or to what the user has excluded.
struct AddressFilter: Sendable {
    let allowsLoopback: Bool
    /// Who is found there is ourselves.
    var own = OwnAddresses()
    /// The user's list.
    var excluded = PeerFilter()

    /// Whether the user wants nothing to do with the address.
    func isFiltered(_ address: PeerAddress) -> Bool { !excluded.allows(address) }

    /// Every address of a host may be connected to, so that names need not be looked up.
    var allowsEverything: Bool { allowsLoopback && excluded.isEmpty }

    /// Whether an address may be a peer's; whether the user wants that one is seen when it is
    /// dialled, because the list may be another by then.
    func allows(_ address: PeerAddress) -> Bool {
        guard !address.isUnspecified, !address.isMulticast, !own.contains(address) else {
            return false
        }
        return allowsLoopback || !(address.isLoopback || address.isLinkLocal)
    }

    /// Whether a tracker, a web seed or a node at an address may be asked.
    func mayAsk(_ address: PeerAddress) -> Bool { allows(address) && !isFiltered(address) }

    /// - Parameter host: of a URL: a name, an address, or an address in brackets.
    func allows(host: String) -> Bool {
        let bare = host.hasPrefix("[") ? host.dropFirst().dropLast() : host[...]
        if let address = PeerAddress(numericHost: bare, port: 1) { return mayAsk(address) }
        let name = bare.lowercased()
        return allowsLoopback || !(name == "localhost" || name.hasSuffix(".localhost"))
    }
}

extension PeerAddress {
    /// - Returns: `nil` for a Unix socket.
    init?(_ address: SocketAddress) {
        let family = address.protocol
        guard family == .inet || family == .inet6 else { return nil }
        // The parts of `sockaddr_in` and `sockaddr_in6`, without making text of them.
        let (host, port) = address.withSockAddr { pointer, size in
            let bytes = UnsafeRawBufferPointer(start: pointer, count: size)
            let host = family == .inet ? bytes[4..<8] : bytes[8..<24]
            return (Array(host), UInt16(bytes[2]) << 8 | UInt16(bytes[3]))
        }
        self.init(host: host, port: port)
    }

    var socketAddress: SocketAddress {
        get throws {
            try SocketAddress(packedIPAddress: ByteBuffer(bytes: host), port: Int(port))
        }
    }
}
