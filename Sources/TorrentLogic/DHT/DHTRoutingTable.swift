package import BitTorrentProtocol

/// The nodes that a DHT node knows, many near its own id and few far away (BEP 5).
///
/// One bucket for each number of leading bits shared with the own id. Of one address family.
package struct DHTRoutingTable: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// Nodes in a bucket (BEP 5).
    package static let bucketSize = 8
    /// A node that was not heard of for so long is questionable; a bucket is refreshed (BEP 5).
    package static let freshness = Duration.seconds(15 * 60)
    /// Questions without an answer after which a node may be replaced.
    static let maximumFailureCount = 2

    struct Node: Sendable {
        let contact: NodeContact
        var lastHeard: Instant
        var failureCount = 0
        /// BEP 42.
        let hasValidID: Bool

        var isBad: Bool { failureCount >= DHTRoutingTable.maximumFailureCount }
    }

    private struct Bucket {
        var nodes: [Node] = []
        /// Took part in a lookup or had a node changed.
        var lastChange: Instant?
    }

    package let ownID: NodeID
    private var buckets = [Bucket](repeating: Bucket(), count: NodeID.bitCount)
    /// One entry for each host, so that one machine cannot fill the table.
    private var ids: [[UInt8]: NodeID] = [:]

    package init(ownID: NodeID) { self.ownID = ownID }

    package var count: Int { ids.count }

    package var contacts: [NodeContact] { buckets.flatMap { $0.nodes.map(\.contact) } }

    package func contains(_ contact: NodeContact) -> Bool {
        ids[contact.address.host] == contact.id
    }

    // MARK: Changing

    /// Whether there is a place for a node, so that it is worth asking for a sign of life.
    package func hasPlace(for contact: NodeContact, now: Instant) -> Bool {
        guard contact.id != ownID, ids[contact.address.host] == nil else { return false }
        return place(for: contact, in: buckets[bucketIndex(contact.id)], now: now) != nil
    }

    /// A node has answered: it gets a place, if there is one, or stays fresh in the one it has.
    ///
    /// - Returns: the node to ask for a sign of life because this one would take its place.
    @discardableResult
    package mutating func answered(_ contact: NodeContact, now: Instant) -> NodeContact? {
        guard contact.id != ownID else { return nil }
        let host = contact.address.host
        let index = bucketIndex(contact.id)
        if let known = ids[host] {
            if known == contact.id {
                touch(contact, in: index, now: now)
                return nil
            }
            // Another node of the same host, or a node that has changed its id: only the latter
            // may replace what is there.
            let old = bucketIndex(known)
            guard let position = buckets[old].nodes.firstIndex(where: { $0.contact.id == known }),
                buckets[old].nodes[position].contact.address == contact.address
            else { return nil }
            buckets[old].nodes.remove(at: position)
            ids[host] = nil
        }
        guard !buckets[index].nodes.contains(where: { $0.contact.id == contact.id }) else {
            return nil
        }
        let node = Node(
            contact: contact,
            lastHeard: now,
            hasValidID: contact.id.isValid(for: contact.address)
        )
        guard let place = place(for: contact, in: buckets[index], now: now) else {
            return questionable(in: buckets[index], now: now)
        }
        if place < buckets[index].nodes.count {
            ids[buckets[index].nodes[place].contact.address.host] = nil
            buckets[index].nodes[place] = node
        } else {
            buckets[index].nodes.append(node)
        }
        buckets[index].lastChange = now
        ids[host] = contact.id
        return nil
    }

    /// A node has not answered.
    package mutating func failed(_ contact: NodeContact) {
        let index = bucketIndex(contact.id)
        guard let position = position(of: contact, in: index) else { return }
        buckets[index].nodes[position].failureCount += 1
        // It stays while nobody waits for its place, unless it seems gone for good.
        guard buckets[index].nodes[position].failureCount > 2 * Self.maximumFailureCount else {
            return
        }
        buckets[index].nodes.remove(at: position)
        ids[contact.address.host] = nil
    }

    private mutating func touch(_ contact: NodeContact, in index: Int, now: Instant) {
        guard let position = position(of: contact, in: index) else { return }
        buckets[index].nodes[position].lastHeard = now
        buckets[index].nodes[position].failureCount = 0
        buckets[index].lastChange = now
    }

    private func position(of contact: NodeContact, in index: Int) -> Int? {
        buckets[index].nodes.firstIndex { $0.contact == contact }
    }

    /// Where a node goes: past the end, or in the place of another that is worse.
    private func place(for contact: NodeContact, in bucket: Bucket, now: Instant) -> Int? {
        let network = contact.address.network
        guard
            network == nil
                || !bucket.nodes.contains(where: { $0.contact.address.network == network })
        else { return nil }
        guard bucket.nodes.count >= Self.bucketSize else { return bucket.nodes.count }
        if let bad = bucket.nodes.firstIndex(where: \.isBad) { return bad }
        guard contact.id.isValid(for: contact.address) else { return nil }
        return bucket.nodes.firstIndex { !$0.hasValidID }
    }

    private func questionable(in bucket: Bucket, now: Instant) -> NodeContact? {
        bucket.nodes.filter { $0.lastHeard.advanced(by: Self.freshness) <= now }
            .min { $0.lastHeard < $1.lastHeard }?.contact
    }

    private func bucketIndex(_ id: NodeID) -> Int {
        min(ownID.distance(to: id).sharedBitCount, NodeID.bitCount - 1)
    }

    // MARK: Asking

    /// The nearest nodes to a target, nearest first; none that is bad.
    package func closest(to target: NodeID, count: Int = bucketSize) -> [NodeContact] {
        let nodes = buckets.lazy.flatMap(\.nodes).filter { !$0.isBad }
        return
            nodes.map { (distance: $0.contact.id.distance(to: target), contact: $0.contact) }
            .sorted { $0.distance < $1.distance }
            .prefix(count).map(\.contact)
    }

    /// A random id in the bucket that most needs a refresh, or `nil` if none does (BEP 5).
    package mutating func refreshTarget(
        now: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> NodeID? {
        guard let deepest = buckets.lastIndex(where: { !$0.nodes.isEmpty }) else { return nil }
        // One beyond the deepest, where nodes still nearer would be.
        for index in 0...min(deepest + 1, NodeID.bitCount - 1) {
            if let last = buckets[index].lastChange, now < last.advanced(by: Self.freshness) {
                continue
            }
            buckets[index].lastChange = now
            return ownID.sharing(bitCount: index, using: &generator)
        }
        return nil
    }
}

extension PeerAddress {
    /// The network of which a bucket or a lookup takes one node: /24 of IPv4, /64 of IPv6; `nil`
    /// for local addresses, which are told apart by the port.
    var network: [UInt8]? {
        guard !isLoopback, !isPrivate, !isLinkLocal else { return nil }
        return Array(host.prefix(isIPv6 ? 8 : 3))
    }
}
