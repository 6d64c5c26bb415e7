import BitTorrentProtocol

/// Our own address as peers (`yourip`, BEP 10) and trackers (`external ip`, BEP 24) see it: what most
/// of them say.
struct OwnAddresses {
    enum Voter: Hashable {
        /// One vote a host: the port is 1.
        case peer(PeerAddress)
        case tracker(String)
    }

    /// What each said last, oldest first.
    private var votes: [(voter: Voter, address: PeerAddress)] = []
    private var ipv4: PeerAddress?
    private var ipv6: PeerAddress?

    private static let maximumVotes = 32

    /// - Parameters:
    ///   - address: what the voter calls us, with the port on which we listen.
    ///   - peer: one vote a host, whatever its port.
    mutating func heard(_ address: PeerAddress, from peer: PeerAddress) {
        heard(address, from: .peer(peer.withPort(1) ?? peer))
    }

    mutating func heard(_ address: PeerAddress, from voter: Voter) {
        votes.removeAll { $0.voter == voter && $0.address.isIPv6 == address.isIPv6 }
        if votes.count >= Self.maximumVotes { votes.removeFirst() }
        votes.append((voter, address))
        ipv4 = winner(isIPv6: false)
        ipv6 = winner(isIPv6: true)
    }

    /// Of the connection between us and the peer (BEP 40); 0 while nobody has told who we are.
    func priority(of peer: PeerAddress) -> UInt32 {
        guard let own = peer.isIPv6 ? ipv6 : ipv4 else { return 0 }
        return PeerPriority(own, peer).rawValue
    }

    private func winner(isIPv6: Bool) -> PeerAddress? {
        let candidates = votes.map(\.address).filter { $0.isIPv6 == isIPv6 }
        let counts = Dictionary(candidates.map { ($0, 1) }, uniquingKeysWith: +)
        // The latest of those with as many votes.
        return candidates.reversed().max { counts[$0, default: 0] < counts[$1, default: 0] }
    }
}
