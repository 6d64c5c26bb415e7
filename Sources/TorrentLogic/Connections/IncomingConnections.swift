package import BitTorrentProtocol

/// Who may connect to us: nobody can take all places by connecting often, or by connecting and
/// saying nothing.
package struct IncomingConnections: Sendable {
    private struct Host {
        var unidentified = 0
        var identified = 0
    }

    private var limits: ConnectionLimits
    /// By address under port 1.
    private var hosts: [PeerAddress: Host] = [:]
    private var unidentified = 0

    package init(limits: ConnectionLimits) { self.limits = limits }

    package mutating func setLimits(_ limits: ConnectionLimits) { self.limits = limits }

    /// A connection was accepted.
    ///
    /// - Returns: false if it is to be closed at once; then nothing else is to be reported of it.
    package mutating func accepted(from address: PeerAddress) -> Bool {
        let key = Self.key(address)
        let host = hosts[key] ?? Host()
        guard unidentified < ConnectionLimits.unidentified else { return false }
        if !address.isLocal {
            guard host.unidentified == 0, host.identified < limits.incomingPerHost else {
                return false
            }
        }
        unidentified += 1
        hosts[key, default: Host()].unidentified += 1
        return true
    }

    /// Its handshake is done.
    package mutating func identified(_ address: PeerAddress) {
        unidentified -= 1
        hosts[Self.key(address)]?.unidentified -= 1
        hosts[Self.key(address)]?.identified += 1
    }

    package mutating func closed(_ address: PeerAddress, wasIdentified: Bool) {
        let key = Self.key(address)
        if wasIdentified {
            hosts[key]?.identified -= 1
        } else {
            unidentified -= 1
            hosts[key]?.unidentified -= 1
        }
        if let host = hosts[key], host.identified + host.unidentified == 0 { hosts[key] = nil }
    }

    private static func key(_ address: PeerAddress) -> PeerAddress {
        address.withPort(1) ?? address
    }
}
