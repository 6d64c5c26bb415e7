package import BitTorrentProtocol

/// The peers of a torrent that is known by its hash alone, as long as its metadata is looked for
/// (BEP 9).
///
/// Used as a `Swarm`: events and the time in, actions out. It has no end of its own: a dead torrent
/// is looked for at ever longer intervals.
package struct MetadataSwarm {
    package typealias Instant = ContinuousClock.Instant

    package enum Action: Equatable, Sendable {
        /// Send an extended message with this id.
        case send(id: UInt8, [UInt8], to: PeerKey)
        /// Send that we have no piece.
        case sendHaveNone(to: PeerKey)
        /// Connect and shake hands, then report `connected` or `dialFailed`.
        case dial(PeerAddress)
        case close(PeerKey, reason: CloseReason)
        /// Every byte of the metadata has come: hash it; if it is wrong report `refused`, else
        /// `stop`.
        case complete([UInt8])
        /// For the log: the peer at this address sent wrong metadata and is banned.
        case banned(PeerAddress)
    }

    private struct Peer {
        let identity: PeerIdentity
        var lastHeard: Instant
    }

    /// A peer that says nothing of use for so long makes room for another.
    private static let patience = Duration.seconds(60)

    private let ownID: PeerID
    private let limits: SwarmLimits
    private var peers: [PeerKey: Peer] = [:]
    private var pool: PeerPool
    private var extensions: PeerExtensions
    private var isStopped = false
    private var actions: [Action] = []

    /// - Parameters:
    ///   - ownID: our peer id, to notice connections to ourselves.
    ///   - seed: of the order of dials.
    package init(
        ownID: PeerID,
        limits: SwarmLimits,
        allowsLocalAddresses: Bool,
        seed: UInt64
    ) {
        self.ownID = ownID
        self.limits = limits
        pool = PeerPool(limits: limits, seed: seed)
        extensions = PeerExtensions(
            metadata: .unknown,
            maximumRequestCount: limits.maximumQueuedRequests,
            allowsLocalAddresses: allowsLocalAddresses
        )
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions = [] }
        return actions
    }

    package var peerCount: Int { peers.count }

    /// Connected peers that say they have the metadata.
    package var usablePeerCount: Int {
        peers.keys.count { extensions.claimedMetadataByteCount(of: $0) != nil }
    }

    /// Addresses that have not failed, for whoever goes on with the torrent.
    package var promisingAddresses: [PeerAddress] { pool.promising }

    package var nextDeadline: Instant? {
        guard !isStopped else { return nil }
        let mayDial =
            peers.count + pool.diallingCount < limits.maximumPeers
            && pool.diallingCount < limits.maximumHalfOpen
        return [
            extensions.nextDeadline,
            mayDial ? pool.nextDial : nil,
            peers.values.map { $0.lastHeard + Self.patience }.min(),
        ].compactMap(\.self).min()
    }

    // MARK: Events

    /// Addresses from a tracker, the link or another source.
    package mutating func found(_ addresses: [PeerAddress], now: Instant) {
        guard !isStopped else { return }
        pool.found(addresses, now: now)
        dial(now: now)
    }

    /// The handshake is done both ways.
    ///
    /// - Parameters:
    ///   - isExtended: the peer speaks the extension protocol; without, it is of no use.
    ///   - isFast: both sides speak the fast extension (BEP 6).
    package mutating func connected(
        _ key: PeerKey,
        address: PeerAddress,
        isIncoming: Bool,
        id: PeerID,
        isExtended: Bool,
        isFast: Bool,
        listenPort: UInt16,
        now: Instant
    ) {
        let identity = PeerIdentity(address: address, isIncoming: isIncoming, id: id)
        if !isIncoming { pool.connected(address, now: now) }
        if let reason = reasonToRefuse(identity, isExtended: isExtended) {
            actions.append(.close(key, reason: reason))
            if !isIncoming { pool.disconnected(address, wasUseful: false, now: now) }
            return
        }
        peers[key] = Peer(identity: identity, lastHeard: now)
        if isFast { actions.append(.sendHaveNone(to: key)) }
        extensions.connected(
            key,
            address: address,
            isIncoming: isIncoming,
            isExtended: true,
            greeting: .init(listenPort: listenPort, isUploadOnly: false)
        )
        collect(now: now)
    }

    package mutating func dialFailed(_ address: PeerAddress, now: Instant) {
        pool.dialFailed(address, now: now)
        dial(now: now)
    }

    /// The connection is gone, whoever closed it.
    package mutating func disconnected(_ key: PeerKey, now: Instant) {
        remove(key, now: now)
        dial(now: now)
    }

    /// An extended message; the others say nothing to who does not know the pieces.
    package mutating func received(
        id: UInt8,
        _ payload: [UInt8],
        from key: PeerKey,
        now: Instant
    ) {
        guard peers[key] != nil else { return }
        peers[key]?.lastHeard = now
        extensions.received(id: id, payload, from: key, now: now)
        if extensions.offers(.metadata, key) == false {
            close(key, reason: .noMetadata, now: now)
        }
        collect(now: now)
    }

    package mutating func timerFired(now: Instant) {
        guard !isStopped else { return }
        extensions.timerFired(now: now)
        for key in peers.keys.sorted() {
            guard let peer = peers[key], now - peer.lastHeard >= Self.patience else { continue }
            close(key, reason: .silent, now: now)
        }
        collect(now: now)
        dial(now: now)
    }

    /// What was complete has the wrong hash: it is fetched again.
    package mutating func refused(now: Instant) {
        guard !isStopped else { return }
        extensions.refused(now: now)
        collect(now: now)
        dial(now: now)
    }

    /// Closes every connection; no event but `disconnected` may follow.
    package mutating func stop() {
        for key in peers.keys.sorted() { actions.append(.close(key, reason: .stopping)) }
        peers = [:]
        isStopped = true
    }

    // MARK: Peers

    private mutating func reasonToRefuse(
        _ identity: PeerIdentity,
        isExtended: Bool
    ) -> CloseReason? {
        if isStopped { return .stopping }
        if identity.id == ownID {
            if !identity.isIncoming { pool.forgetOwn(identity.address) }
            return .ownConnection
        }
        if pool.bans.contains(identity) { return .banned }
        if !isExtended { return .noMetadata }
        if peers.values.contains(where: { $0.identity.id == identity.id }) {
            return .duplicateConnection
        }
        return peers.count >= limits.maximumPeers ? .tooManyPeers : nil
    }

    private mutating func dial(now: Instant) {
        guard !isStopped else { return }
        for address in pool.dials(peerCount: peers.count, now: now) {
            actions.append(.dial(address))
        }
    }

    private mutating func close(_ key: PeerKey, reason: CloseReason, now: Instant) {
        guard peers[key] != nil else { return }
        actions.append(.close(key, reason: reason))
        remove(key, now: now)
    }

    private mutating func remove(_ key: PeerKey, now: Instant) {
        guard let peer = peers[key] else { return }
        let wasUseful = extensions.claimedMetadataByteCount(of: key) != nil
        peers[key] = nil
        extensions.disconnected(key, now: now)
        collect(now: now)
        guard !peer.identity.isIncoming else { return }
        pool.disconnected(peer.identity.address, wasUseful: wasUseful, now: now)
    }

    private mutating func collect(now: Instant) {
        for action in extensions.takeActions() {
            switch action {
            case .send(let id, let payload, let key):
                actions.append(.send(id: id, payload, to: key))
            case .found(let addresses): found(addresses, now: now)
            case .complete(let bytes): actions.append(.complete(bytes))
            case .blame(let key): ban(key, now: now)
            case .limitRequests, .loadMetadata, .uploadOnly, .dontHave, .ownHost, .punch: break
            }
        }
    }

    private mutating func ban(_ key: PeerKey, now: Instant) {
        guard let peer = peers[key] else { return }
        pool.ban(peer.identity)
        actions.append(.banned(peer.identity.address))
        close(key, reason: .banned, now: now)
    }
}
