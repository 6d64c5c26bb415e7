package import BitTorrentProtocol

/// A node of the DHT (BEP 5), of IPv4, IPv6 or both (BEP 32): packets and the time go in, packets
/// and peers come out.
///
/// A read-only node (BEP 43) asks and never answers.
package struct DHTNode: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package struct Configuration: Sendable {
        /// Address families that there are sockets for.
        package var families: KRPCQuery.Families = [.ipv4, .ipv6]
        package var isReadOnly = false
        /// Where to start while no node is known.
        ///
        /// Such nodes are never stored.
        package var bootstrapAddresses: [PeerAddress] = []
        package var queryTimeout = Duration.seconds(4)
        /// What this node sends at most, over seconds.
        package var bytesPerSecond = 8000
        /// Lookups that run at a time; more wait their turn.
        package var lookupCount = 16

        package init() {}
    }

    /// What outlives the program: ids and nodes.
    package struct SavedState: Equatable, Sendable {
        package static let maximumContactCount = 300

        package var ipv4ID: NodeID?
        package var ipv6ID: NodeID?
        package var contacts: [NodeContact]

        package init(ipv4ID: NodeID? = nil, ipv6ID: NodeID? = nil, contacts: [NodeContact] = []) {
            self.ipv4ID = ipv4ID
            self.ipv6ID = ipv6ID
            self.contacts = contacts
        }
    }

    /// Names a search for peers; never reused.
    package struct SearchKey: Hashable, Comparable, Sendable {
        package let rawValue: UInt64
        package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    package enum Action: Equatable, Sendable {
        case send([UInt8], to: PeerAddress)
        /// Peers that this search had not found before.
        case found([PeerAddress], SearchKey)
        /// The search is over, and where it was an announce, the nearest nodes have been told.
        case finished(SearchKey)
    }

    /// A question that waits for its answer.
    struct Transaction: Sendable {
        enum Purpose: Sendable {
            case ping
            case lookup(LookupKey)
            case announce
        }

        let address: PeerAddress
        /// Who is expected there; `nil` if only the address was known.
        let contact: NodeContact?
        let purpose: Purpose
        let deadline: Instant
    }

    struct LookupKey: Hashable, Comparable, Sendable {
        let rawValue: UInt64
        static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    }

    struct Lookup: Sendable {
        enum Purpose: Sendable {
            case refresh
            case search(SearchKey)
        }

        var steps: DHTLookup
        let isIPv6: Bool
        let purpose: Purpose
    }

    struct Search: Sendable {
        struct Announce: Sendable {
            /// `nil`: the port that our packets come from.
            let port: UInt16?
            let isSeed: Bool
        }

        let infoHash: InfoHash
        let announce: Announce?
        var found: Set<PeerAddress> = []
        /// Lookups of this search, one for each family, that are not over.
        var lookupCount = 0
    }

    /// Peers that one search reports.
    static let maximumFoundCount = 2000
    static let maintenanceInterval = Duration.seconds(60)
    /// How long to wait before more is sent once the budget is spent.
    static let sendPause = Duration.milliseconds(100)
    static let maximumTransactionCount = 1000
    /// Client and version in each packet.
    static let version = Array("SL01".utf8)

    var configuration: Configuration
    var generator: any RandomNumberGenerator & Sendable
    var tables: [Bool: DHTRoutingTable] = [:]
    var transactions: [UInt32: Transaction] = [:]
    var lookups: [LookupKey: Lookup] = [:]
    var searches: [SearchKey: Search] = [:]
    var waitingSearches: [SearchKey] = []
    var nextKey: UInt64 = 0
    var tokens: DHTTokens
    var store = DHTPeerStore()
    var limit: DHTRateLimit
    var externalHosts: [Bool: ExternalAddressVote] = [:]
    /// Nodes from an earlier run, until enough are known again: at the start there may be no network.
    private var remembered: [NodeContact] = []
    var nextMaintenance: Instant
    var resume: Instant?
    var actions: [Action] = []

    /// - Parameters:
    ///   - saved: from an earlier run; its nodes are asked before the bootstrap addresses.
    ///   - generator: of ids and secrets; what protects from forged answers is that nobody can
    ///     guess them.
    package init(
        configuration: Configuration,
        saved: SavedState = SavedState(),
        generator: any RandomNumberGenerator & Sendable,
        now: Instant
    ) {
        self.configuration = configuration
        self.generator = generator
        tokens = DHTTokens(now: now, using: &self.generator)
        limit = DHTRateLimit(bytesPerSecond: configuration.bytesPerSecond, now: now)
        remembered = Array(saved.contacts.prefix(SavedState.maximumContactCount))
        nextMaintenance = now.advanced(by: Self.maintenanceInterval)
        for (family, isIPv6) in [(KRPCQuery.Families.ipv4, false), (.ipv6, true)]
        where configuration.families.contains(family) {
            let id = (isIPv6 ? saved.ipv6ID : saved.ipv4ID) ?? NodeID(using: &self.generator)
            tables[isIPv6] = DHTRoutingTable(ownID: id)
            externalHosts[isIPv6] = ExternalAddressVote()
            refresh(isIPv6: isIPv6, target: id, from: remembered(isIPv6: isIPv6), now: now)
        }
        pump(now: now)
    }

    /// The actions since the last call, in order.
    package mutating func takeActions() -> [Action] {
        guard !actions.isEmpty else { return [] }
        defer { actions.removeAll() }
        return actions
    }

    package var nextDeadline: Instant? {
        var earliest = nextMaintenance
        if let resume { earliest = min(earliest, resume) }
        return transactions.values.reduce(earliest) { min($0, $1.deadline) }
    }

    /// Nodes in the tables.
    package var nodeCount: Int { tables.values.reduce(0) { $0 + $1.count } }

    package var savedState: SavedState {
        let known = [false, true].flatMap { tables[$0]?.contacts ?? [] }
        let contacts = known + remembered.filter { !known.contains($0) }
        return SavedState(
            ipv4ID: tables[false]?.ownID,
            ipv6ID: tables[true]?.ownID,
            contacts: Array(contacts.prefix(SavedState.maximumContactCount))
        )
    }

    private func remembered(isIPv6: Bool) -> [NodeContact] {
        remembered.filter { $0.address.isIPv6 == isIPv6 }
    }

    // MARK: Searches

    /// Looks for the peers of a torrent.
    package mutating func getPeers(_ infoHash: InfoHash, now: Instant) -> SearchKey {
        startSearch(Search(infoHash: infoHash, announce: nil), now: now)
    }

    /// Looks for the peers of a torrent, and tells the nodes nearest to it that we are one.
    ///
    /// - Parameter port: TCP port on which we listen; `nil` for the UDP port of the node itself.
    package mutating func announce(
        _ infoHash: InfoHash,
        port: UInt16?,
        isSeed: Bool = false,
        now: Instant
    ) -> SearchKey {
        let announce = Search.Announce(port: port, isSeed: isSeed)
        return startSearch(Search(infoHash: infoHash, announce: announce), now: now)
    }

    /// Ends a search; nothing more is reported of it.
    package mutating func cancel(_ key: SearchKey, now: Instant) {
        searches[key] = nil
        waitingSearches.removeAll { $0 == key }
        for (lookupKey, lookup) in lookups {
            if case .search(key) = lookup.purpose { lookups[lookupKey] = nil }
        }
        startWaitingSearches(now: now)
        pump(now: now)
    }

    /// A peer has told that a node may be at this address (BEP 5's `port` message).
    package mutating func heardOf(_ address: PeerAddress, now: Instant) {
        guard tables[address.isIPv6] != nil, transactions.count < Self.maximumTransactionCount / 2,
            !isAsked(address), limit.maySend(now: now)
        else { return }
        ask(.ping, at: address, contact: nil, purpose: .ping, now: now)
    }

    /// Where to start has become known, or is another place now.
    ///
    /// What looks for the first nodes goes there.
    package mutating func setBootstrapAddresses(_ addresses: [PeerAddress], now: Instant) {
        configuration.bootstrapAddresses = addresses
        for isIPv6 in [false, true] {
            guard let table = tables[isIPv6], table.count < DHTLookup.resultCount else { continue }
            refresh(isIPv6: isIPv6, target: table.ownID, from: [], now: now)
            for key in lookups.keys.sorted() where lookups[key]?.isIPv6 == isIPv6 {
                for address in addresses where address.isIPv6 == isIPv6 {
                    lookups[key]?.steps.add(address: address)
                }
            }
        }
        pump(now: now)
    }

    // MARK: Time

    package mutating func timerFired(now: Instant) {
        let late = transactions.filter { $0.value.deadline <= now }
        for (id, transaction) in late.sorted(by: { $0.key < $1.key }) {
            transactions[id] = nil
            failed(transaction)
        }
        if nextMaintenance <= now {
            nextMaintenance = now.advanced(by: Self.maintenanceInterval)
            maintain(now: now)
        }
        pump(now: now)
    }

    private mutating func maintain(now: Instant) {
        tokens.rotate(now: now, using: &generator)
        store.expire(now: now)
        limit.expire(now: now)
        for isIPv6 in [false, true] {
            guard var table = tables[isIPv6] else { continue }
            if table.count >= DHTLookup.resultCount {
                remembered.removeAll { $0.address.isIPv6 == isIPv6 }
            }
            if table.closest(to: table.ownID).isEmpty {
                // It was the network that failed, rather than all of them.
                let contacts = table.contacts + remembered(isIPv6: isIPv6)
                refresh(isIPv6: isIPv6, target: table.ownID, from: contacts, now: now)
            } else if let target = table.refreshTarget(now: now, using: &generator) {
                tables[isIPv6] = table
                refresh(isIPv6: isIPv6, target: target, from: [], now: now)
            }
        }
    }

    /// Takes another id, because the address of this node has changed or become known (BEP 42).
    ///
    /// What the table holds stays, in other buckets.
    mutating func moveID(isIPv6: Bool, host: [UInt8], now: Instant) {
        guard let old = tables[isIPv6], let address = PeerAddress(host: host, port: 1),
            !old.ownID.isValid(for: address)
        else { return }
        let id = NodeID(forHost: host, using: &generator)
        var table = DHTRoutingTable(ownID: id)
        for contact in old.contacts { table.answered(contact, now: now) }
        tables[isIPv6] = table
        refresh(isIPv6: isIPv6, target: id, from: [], now: now)
    }
}
