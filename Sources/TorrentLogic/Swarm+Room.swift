package import BitTorrentProtocol

// Whose place is worth more to another.
extension Swarm {
    /// A peer is as good as nothing until it has had this time to say what it has.
    private static let grace = Duration.seconds(30)
    /// One of so many makes room at a time.
    private static let replacedShare = 20

    // MARK: Superfluous connections

    /// The peer wants no data, or does again (BEP 21).
    package mutating func receivedUploadOnly(_ isUploadOnly: Bool, from key: PeerKey, now: Instant)
    {
        guard let index = peers.index(of: key) else { return }
        peers[index].isUploadOnly = isUploadOnly
        _ = closeIfSuperfluous(index, now: now)
    }

    /// Closes a connection over which nothing will ever pass: we have every piece, and the peer has,
    /// too, or wants none.
    ///
    /// That nothing is wanted at the moment is no reason: who reads next is not known.
    ///
    /// - Returns: true if it is closed.
    mutating func closeIfSuperfluous(_ index: Int, now: Instant) -> Bool {
        guard have.isComplete, !peers[index].isWebSeed,
            peers[index].has.isComplete || peers[index].isUploadOnly
        else { return false }
        close(index, reason: .superfluous, now: now)
        return true
    }

    mutating func closeSuperfluous(now: Instant) {
        for index in peers.indices.reversed() { _ = closeIfSuperfluous(index, now: now) }
    }

    // MARK: Room

    /// Peers of this torrent at most, from now on; those that are of least use are closed.
    package mutating func setMaximumPeers(_ count: Int, now: Instant) {
        limits.maximumPeers = count
        pool.setMaximumPeers(count)
        while peerCount > count, let index = leastUseful(now: now) ?? latest {
            close(index, reason: .tooManyPeers, now: now)
        }
        dial(now: now)
        reschedule(now: now)
    }

    /// Another torrent of ours needs the place of a connection.
    package mutating func giveUpConnection(now: Instant) {
        guard let index = leastUseful(now: now) ?? latest else { return }
        close(index, reason: .replaced, now: now)
        reschedule(now: now)
    }

    /// Closes the connections to addresses that are not to be spoken with any more.
    package mutating func closeFiltered(_ isAllowed: (PeerAddress) -> Bool, now: Instant) {
        for index in peers.indices.reversed() {
            guard let address = peers[index].identity?.address, !isAllowed(address) else {
                continue
            }
            close(index, reason: .filtered, now: now)
        }
        reschedule(now: now)
    }

    /// A peer has told our address; see `OwnAddresses`.
    package mutating func heardOwnAddress(_ address: PeerAddress, from key: PeerKey) {
        guard let index = peers.index(of: key), let voter = peers[index].identity else { return }
        ownAddresses.heard(address, from: voter.address)
    }

    /// A tracker has told our address (BEP 24).
    package mutating func heardOwnAddress(_ address: PeerAddress, fromTracker tracker: String) {
        ownAddresses.heard(address, from: .tracker(tracker))
    }

    /// - Returns: whether there is a place for the newcomer, that of a worse peer if need be.
    mutating func makeRoom(for newcomer: PeerIdentity, now: Instant) -> Bool {
        let address = newcomer.address
        if !address.isLocal {
            let neighbours = peers.count { $0.identity?.address.host == address.host }
            guard neighbours < limits.maximumPeersPerHost else { return false }
        }
        guard peerCount >= limits.maximumPeers else { return true }
        guard let index = leastUseful(now: now) else { return false }
        switch usefulness(of: peers[index]) {
        case .gives: return false
        case .takes:
            // Of what others get from us both sides know alike which connection is to stay (BEP 40).
            guard ownAddresses.priority(of: address) > priority(of: peers[index]) else {
                return false
            }
        case .none, .offers: break
        }
        close(index, reason: .replaced, now: now)
        return true
    }

    /// Gives the places of the worst to peers that could be dialled.
    mutating func makeRoomForBetter(now: Instant) {
        guard hasDemand, peerCount >= limits.maximumPeers, pool.hasCandidate(now: now) else {
            return
        }
        for _ in 0..<max(1, peerCount / Self.replacedShare) {
            guard let index = leastUseful(now: now), usefulness(of: peers[index]) < .gives else {
                return
            }
            close(index, reason: .replaced, now: now)
        }
    }

    private enum Usefulness: Int, Comparable {
        case none
        /// It takes what we have.
        case takes
        /// It has what we lack, and gives nothing.
        case offers
        case gives

        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    /// The one that came last.
    private var latest: Int? { peers.lastIndex { !$0.isWebSeed } }

    private func priority(of peer: Peer) -> UInt32 {
        peer.identity.map { ownAddresses.priority(of: $0.address) } ?? 0
    }

    private func usefulness(of peer: Peer) -> Usefulness {
        if peer.receivedRecently > 0 || peer.receivedInRound > 0 { return .gives }
        if peer.offerCount > 0 { return .offers }
        return peer.isInterestedInUs ? .takes : .none
    }

    /// The peer whose place is worth least; none that is new, and never the only one that has a piece
    /// which a reader needs.
    private func leastUseful(now: Instant) -> Int? {
        let missing = plan.order.prefix(64).filter { !have[$0] }
        let rare = missing.filter { piece in peers.count { $0.has[piece] } == 1 }
        return peers.indices.filter { index in
            !peers[index].isWebSeed && now - peers[index].connectedAt >= Self.grace
                && !rare.contains { peers[index].has[$0] }
        }.min { left, right in
            let ranks = [left, right].map { index in
                (
                    usefulness(of: peers[index]).rawValue, peers[index].receivedRecently,
                    priority(of: peers[index])
                )
            }
            return ranks[0] < ranks[1]
        }
    }
}
