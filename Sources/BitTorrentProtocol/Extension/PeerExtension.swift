/// An extension of the peer wire that this program speaks (BEP 10), by its name in `m`.
package enum PeerExtension: String, CaseIterable, Sendable {
    /// BEP 11.
    case peerExchange = "ut_pex"
    /// BEP 9.
    case metadata = "ut_metadata"
    /// BEP 21.
    case uploadOnly = "upload_only"
    /// BEP 54.
    case dontHave = "lt_donthave"
    /// BEP 55.
    case holepunch = "ut_holepunch"

    /// The id under which peers send it to us; never 0, which is the handshake.
    package var localID: UInt8 {
        switch self {
        case .peerExchange: 1
        case .metadata: 2
        case .uploadOnly: 3
        case .holepunch: 4
        // As libtorrent numbers it; any would do.
        case .dontHave: 7
        }
    }

    /// The extension that a received message belongs to.
    package init?(localID: UInt8) {
        guard let match = Self.allCases.first(where: { $0.localID == localID }) else { return nil }
        self = match
    }
}
