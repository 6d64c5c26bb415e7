package import BitTorrentProtocol

/// Holes through NAT between the peers of one torrent (BEP 55).
///
/// Two peers that cannot be dialled send to each other at the same moment, because a third that is
/// connected to both tells them to; what comes then each NAT takes for an answer. We are any of the
/// three: who asks for a rendezvous, after a dial that failed; who passes it on; who is told to dial.
package struct Holepunch: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package enum Action: Equatable, Sendable {
        case send(HolepunchMessage, to: PeerKey)
        /// Dial it now and by uTP: it dials us at the same moment.
        case dial(PeerAddress)
    }

    /// Rendezvous that are passed on for one peer in a minute, or dials that it makes us begin; more are
    /// ignored.
    package static let maximumPerMinute = 10
    /// Peers of one peer's telling that it may be asked for.
    package static let maximumIntroducedCount = PeerExchange.maximumCountPerSource
    /// Until a rendezvous with the same peer is asked for again.
    package static let retryInterval = Duration.seconds(600)
    /// Rendezvous that are remembered as asked for; while there are as many, no other is.
    package static let maximumAskedCount = 64

    /// A peer that is connected.
    private struct Connection {
        /// The remote end of the socket.
        let remote: PeerAddress
        /// Where it listens; `nil` while unknown.
        var endpoint: PeerAddress?
        /// Where we listen, as it sees us.
        var ownEndpoint: PeerAddress?
        /// It speaks `ut_holepunch`.
        var isWilling = false
        var introduced: Set<PeerAddress> = []
        /// The beginning of a minute, and what was done for it since.
        var minute: Instant?
        var count = 0

        func isAt(_ address: PeerAddress) -> Bool { remote == address || endpoint == address }
    }

    /// A rendezvous that we have asked for.
    private struct Asked {
        let at: Instant
        /// Whom, the latest last.
        var relays: [PeerKey]
    }

    private let allowsLocalAddresses: Bool
    private var connections: [PeerKey: Connection] = [:]
    private var asked: [PeerAddress: Asked] = [:]
    private var actions: [Action] = []

    /// - Parameter allowsLocalAddresses: see `PeerExchange`.
    package init(allowsLocalAddresses: Bool) { self.allowsLocalAddresses = allowsLocalAddresses }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions = [] }
        return actions
    }

    // MARK: Peers

    package mutating func connected(_ key: PeerKey, from remote: PeerAddress) {
        connections[key] = Connection(remote: remote)
    }

    /// What is known of a peer that is connected.
    ///
    /// - Parameters:
    ///   - endpoint: where it listens.
    ///   - ownEndpoint: where we listen, as it sees us.
    ///   - isWilling: it speaks `ut_holepunch`.
    package mutating func learned(
        of key: PeerKey,
        endpoint: PeerAddress?,
        ownEndpoint: PeerAddress?,
        isWilling: Bool
    ) {
        connections[key]?.endpoint = endpoint
        connections[key]?.ownEndpoint = ownEndpoint
        connections[key]?.isWilling = isWilling
    }

    package mutating func disconnected(_ key: PeerKey) { connections[key] = nil }

    /// A peer has told of others (BEP 11).
    package mutating func introduced(_ peers: [PeerExchangeMessage.Peer], by key: PeerKey) {
        guard var connection = connections[key] else { return }
        connections[key] = nil  // leaves `connection` the only owner of its memory
        for peer in peers where peer.flags.contains(.supportsHolepunch) {
            guard connection.introduced.count < Self.maximumIntroducedCount else { break }
            connection.introduced.insert(peer.address)
        }
        connections[key] = connection
    }

    // MARK: Who asks

    /// Nobody answers there: perhaps because of a NAT.
    package mutating func dialFailed(_ address: PeerAddress, now: Instant) {
        asked = asked.filter { now - $0.value.at < Self.retryInterval }
        guard asked[address] == nil, asked.count < Self.maximumAskedCount else { return }
        ask(for: address, Asked(at: now, relays: []))
    }

    /// Asks the next one of those who have told of the peer.
    private mutating func ask(for address: PeerAddress, _ asked: Asked) {
        let relay = connections.lazy.filter {
            $0.value.isWilling && $0.value.introduced.contains(address)
                && !asked.relays.contains($0.key)
        }.map(\.key).min()
        guard let relay else { return }
        self.asked[address] = Asked(at: asked.at, relays: asked.relays + [relay])
        actions.append(.send(.rendezvous(address), to: relay))
    }

    // MARK: Messages

    package mutating func received(
        _ message: HolepunchMessage,
        from key: PeerKey,
        now: Instant
    ) {
        switch message {
        case .rendezvous(let target): passOn(target, for: key, now: now)
        case .connect(let address): toldToDial(address, by: key, now: now)
        case .error(_, let address):
            if let asked = asked[address], asked.relays.last == key { ask(for: address, asked) }
        }
    }

    private mutating func passOn(_ target: PeerAddress, for key: PeerKey, now: Instant) {
        guard let peer = connections[key], peer.isWilling, allowsMore(for: key, now: now) else {
            return
        }
        if target == peer.ownEndpoint { return fail(.noSelf, target, key) }
        if peer.isAt(target) { return fail(.noSuchPeer, target, key) }
        guard let other = connections.lazy.filter({ $0.value.isAt(target) }).map(\.key).min() else {
            return fail(.notConnected, target, key)
        }
        guard connections[other]?.isWilling == true else { return fail(.noSupport, target, key) }
        actions.append(.send(.connect(peer.endpoint ?? peer.remote), to: other))
        actions.append(.send(.connect(target), to: key))
    }

    private mutating func fail(
        _ failure: HolepunchMessage.Failure,
        _ target: PeerAddress,
        _ key: PeerKey
    ) {
        actions.append(.send(.error(failure, target), to: key))
    }

    /// A stranger's peer may want us, or a relay may want us to trouble somebody: of dials that we have
    /// not asked for there are few, and none to where peer exchange would not lead either.
    private mutating func toldToDial(_ address: PeerAddress, by key: PeerKey, now: Instant) {
        guard let relay = connections[key], relay.isWilling,
            !connections.values.contains(where: { $0.isAt(address) })
        else { return }
        if asked[address]?.relays.contains(key) != true {
            let allowsLocal = allowsLocalAddresses || relay.remote.isLocal
            guard address.isDiallable, allowsLocal || !address.isLocal,
                allowsMore(for: key, now: now)
            else { return }
        }
        actions.append(.dial(address))
    }

    private mutating func allowsMore(for key: PeerKey, now: Instant) -> Bool {
        guard var connection = connections[key] else { return false }
        if connection.minute.map({ now - $0 >= .seconds(60) }) ?? true {
            connection.minute = now
            connection.count = 0
        }
        connection.count += 1
        connections[key] = connection
        return connection.count <= Self.maximumPerMinute
    }
}
