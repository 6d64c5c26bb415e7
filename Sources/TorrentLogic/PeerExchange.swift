package import BitTorrentProtocol

/// Which peers of a torrent are told to its other peers, and which of those they tell are believed
/// (BEP 11).
package struct PeerExchange: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// Between two messages to a peer.
    package static let interval = Duration.seconds(60)
    /// A peer's message that comes sooner after the one before is ignored; clocks differ a little.
    package static let minimumReceiveInterval = Duration.seconds(45)
    /// Addresses of one peer's telling that count at a time.
    package static let maximumCountPerSource = 200

    package enum Action: Equatable, Sendable {
        case send(PeerExchangeMessage, to: PeerKey)
    }

    private struct Connection {
        /// Where it listens; `nil` while unknown.
        var peer: PeerExchangeMessage.Peer?
        /// When the next message to it is due; `nil` unless it speaks `ut_pex`.
        var nextMessage: Instant?
        /// What it has been told.
        var told: Set<PeerAddress> = []
        var lastReceived: Instant?
        /// What it has told: one port for each host.
        var hosts: [[UInt8]: UInt16] = [:]
    }

    /// In the order of arrival, by the keys.
    private var connections: [PeerKey: Connection] = [:]
    private var actions: [Action] = []
    private let isPrivate: Bool
    private let allowsLocalAddresses: Bool

    /// - Parameters:
    ///   - isPrivate: true silences it in both directions (BEP 27).
    ///   - allowsLocalAddresses: whether to believe in loopback, link-local and private addresses
    ///     from peers that have no such address themselves.
    package init(isPrivate: Bool, allowsLocalAddresses: Bool = false) {
        self.isPrivate = isPrivate
        self.allowsLocalAddresses = allowsLocalAddresses
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions.removeAll() }
        return actions
    }

    package var nextDeadline: Instant? { connections.values.lazy.compactMap(\.nextMessage).min() }

    /// A connection is up; also called again when its listening address or flags become known.
    package mutating func connected(_ key: PeerKey, as peer: PeerExchangeMessage.Peer?) {
        connections[key, default: Connection()].peer = peer
    }

    /// The peer has offered `ut_pex`: its first message is due at once.
    package mutating func enabled(_ key: PeerKey, now: Instant) {
        guard !isPrivate, connections[key] != nil, connections[key]?.nextMessage == nil else {
            return
        }
        connections[key]?.nextMessage = now
    }

    /// The peer has switched `ut_pex` off.
    package mutating func disabled(_ key: PeerKey) { connections[key]?.nextMessage = nil }

    package mutating func disconnected(_ key: PeerKey) { connections[key] = nil }

    package mutating func timerFired(now: Instant) {
        let due = connections.filter { $0.value.nextMessage.map { $0 <= now } ?? false }
        guard !due.isEmpty else { return }
        let current = connections.keys.sorted().compactMap { key in
            connections[key]?.peer.map { (key: key, peer: $0) }
        }
        let addresses = Set(current.map(\.peer.address))
        for key in due.keys.sorted() {
            guard var connection = connections[key] else { continue }
            connection.nextMessage = now.advanced(by: Self.interval)
            let own = connection.peer?.address
            let added =
                current.filter {
                    $0.key != key && $0.peer.address != own
                        && !connection.told.contains($0.peer.address)
                }
                .prefix(PeerExchangeMessage.maximumSentCount).map(\.peer)
            let dropped = connection.told.subtracting(addresses)
                .sorted { $0.compact.lexicographicallyPrecedes($1.compact) }
                .prefix(PeerExchangeMessage.maximumSentCount)
            connection.told.formUnion(added.map(\.address))
            connection.told.subtract(dropped)
            connections[key] = connection
            guard !added.isEmpty || !dropped.isEmpty else { continue }
            actions.append(
                .send(PeerExchangeMessage(added: added, dropped: Array(dropped)), to: key)
            )
        }
    }

    /// A peer has told of others.
    ///
    /// - Returns: those that are new and may be dialled.
    package mutating func received(
        _ message: PeerExchangeMessage,
        from key: PeerKey,
        now: Instant
    ) -> [PeerExchangeMessage.Peer] {
        guard !isPrivate, var connection = connections[key],
            connection.lastReceived.map({
                $0.advanced(by: Self.minimumReceiveInterval) <= now
            }) ?? true
        else { return [] }
        connection.lastReceived = now
        defer { connections[key] = connection }
        for address in message.dropped where connection.hosts[address.host] == address.port {
            connection.hosts[address.host] = nil
        }
        let allowsLocal =
            allowsLocalAddresses || connection.peer?.address.isLocal == true
        return message.added.filter { peer in
            let address = peer.address
            guard !address.isUnspecified, !address.isMulticast,
                allowsLocal || !address.isLocal,
                connection.hosts[address.host] == nil,
                connection.hosts.count < Self.maximumCountPerSource
            else { return false }
            connection.hosts[address.host] = address.port
            return true
        }
    }
}
