package import BitTorrentProtocol

/// The way from the nodes one knows to those nearest a target (BEP 5), step by step.
package struct DHTLookup: Sendable {
    /// Nodes asked at a time.
    package static let parallelCount = 4
    /// Nodes that must have answered, with none nearer left.
    package static let resultCount = 8
    /// Nodes that are remembered.
    static let maximumCandidateCount = 100
    /// Nodes that are asked before the lookup gives up.
    static let maximumQueryCount = 200

    /// A node to ask; the id is unknown of nodes that a lookup starts from by address alone.
    package struct Candidate: Hashable, Sendable {
        package let id: NodeID?
        package let address: PeerAddress
    }

    private enum State {
        case fresh
        case asked
        case answered(token: [UInt8]?)
        case failed
    }

    private struct Entry {
        let candidate: Candidate
        let distance: NodeID.Distance?
        var state = State.fresh
        let hasValidID: Bool
    }

    package let target: NodeID
    private let ownID: NodeID
    /// Nearest first; those of unknown id before all.
    private var entries: [Entry] = []
    private var seen: Set<PeerAddress> = []
    private var networks: Set<[UInt8]> = []
    private var queryCount = 0

    package init(target: NodeID, ownID: NodeID, from contacts: [NodeContact]) {
        self.target = target
        self.ownID = ownID
        for contact in contacts { add(contact) }
    }

    /// Adds a node of which only the address is known.
    package mutating func add(address: PeerAddress) {
        guard seen.insert(address).inserted else { return }
        let candidate = Candidate(id: nil, address: address)
        entries.insert(Entry(candidate: candidate, distance: nil, hasValidID: false), at: 0)
    }

    private mutating func add(_ contact: NodeContact) {
        let address = contact.address
        guard contact.id != ownID, !address.isMulticast, !address.isUnspecified,
            !seen.contains(address)
        else { return }
        // Whoever owns a network could otherwise surround a target with nodes of his own.
        if let network = address.network, !networks.insert(network).inserted { return }
        seen.insert(address)
        let distance = contact.id.distance(to: target)
        let entry = Entry(
            candidate: Candidate(id: contact.id, address: address),
            distance: distance,
            hasValidID: contact.id.isValid(for: address)
        )
        let place = entries.firstIndex { $0.distance.map { distance < $0 } ?? false }
        entries.insert(entry, at: place ?? entries.count)
        if entries.count > Self.maximumCandidateCount { forgetFarthest() }
    }

    private mutating func forgetFarthest() {
        guard
            let last = entries.lastIndex(where: {
                if case .fresh = $0.state { true } else { false }
            })
        else { return }
        let gone = entries.remove(at: last).candidate.address
        seen.remove(gone)
        if let network = gone.network { networks.remove(network) }
    }

    // MARK: Steps

    /// The next node to ask, or `nil` while enough are being asked or none is left.
    package mutating func next() -> Candidate? {
        guard askedCount < Self.parallelCount, let index = nextIndex else { return nil }
        entries[index].state = .asked
        queryCount += 1
        return entries[index].candidate
    }

    /// The nearest node that was not asked, unless what has answered is nearer.
    private var nextIndex: Int? {
        guard queryCount < Self.maximumQueryCount else { return nil }
        var answeredCount = 0
        for index in entries.indices {
            switch entries[index].state {
            case .fresh: return answeredCount < Self.resultCount ? index : nil
            case .answered where entries[index].hasValidID: answeredCount += 1
            case .answered, .asked, .failed: break
            }
        }
        return nil
    }

    private var askedCount: Int {
        entries.count { if case .asked = $0.state { true } else { false } }
    }

    /// - Returns: false if the node has another id than it was said to have; its answer is void.
    package mutating func answered(
        _ address: PeerAddress,
        id: NodeID,
        nodes: [NodeContact],
        token: [UInt8]?
    ) -> Bool {
        guard let index = index(of: address) else { return false }
        if let known = entries[index].candidate.id {
            guard known == id else {
                entries[index].state = .failed
                return false
            }
            entries[index].state = .answered(token: token)
        } else {
            // Known by address alone: it only shows the way.
            entries[index].state = .failed
        }
        // From afar nobody may send us into our own network.
        for contact in nodes.prefix(2 * Self.resultCount)
        where contact.address.network != nil || address.network == nil {
            add(contact)
        }
        return true
    }

    package mutating func failed(_ address: PeerAddress) {
        guard let index = index(of: address), case .asked = entries[index].state else { return }
        entries[index].state = .failed
    }

    private func index(of address: PeerAddress) -> Int? {
        entries.firstIndex { $0.candidate.address == address }
    }

    // MARK: Result

    /// No node is being asked, and none is left that could be nearer.
    package var isFinished: Bool { askedCount == 0 && nextIndex == nil }

    /// The nearest nodes that answered, with the token that an announce to each must show.
    package var closest: [(contact: NodeContact, token: [UInt8]?)] {
        var result: [(contact: NodeContact, token: [UInt8]?)] = []
        for entry in entries {
            guard result.count < Self.resultCount else { break }
            guard case .answered(let token) = entry.state, let id = entry.candidate.id else {
                continue
            }
            result.append((NodeContact(id: id, address: entry.candidate.address), token))
        }
        return result
    }
}
