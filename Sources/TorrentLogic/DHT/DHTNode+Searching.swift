import BitTorrentProtocol

// MARK: - Lookups

extension DHTNode {
    mutating func makeKey() -> UInt64 {
        defer { nextKey += 1 }
        return nextKey
    }

    mutating func startSearch(_ search: Search, now: Instant) -> SearchKey {
        let key = SearchKey(rawValue: makeKey())
        searches[key] = search
        waitingSearches.append(key)
        startWaitingSearches(now: now)
        pump(now: now)
        return key
    }

    mutating func startWaitingSearches(now: Instant) {
        while lookups.count < configuration.lookupCount, !waitingSearches.isEmpty {
            let key = waitingSearches.removeFirst()
            guard let search = searches[key] else { continue }
            let target = NodeID(search.infoHash)
            for isIPv6 in [false, true] where tables[isIPv6] != nil {
                let lookup = Lookup(
                    steps: steps(to: target, isIPv6: isIPv6, from: []),
                    isIPv6: isIPv6,
                    purpose: .search(key)
                )
                searches[key]?.lookupCount += 1
                lookups[LookupKey(rawValue: makeKey())] = lookup
            }
        }
    }

    mutating func refresh(
        isIPv6: Bool,
        target: NodeID,
        from contacts: [NodeContact],
        now: Instant
    ) {
        // One at a time is enough; a second would ask the same nodes.
        let isRunning = lookups.values.contains {
            if case .refresh = $0.purpose { $0.isIPv6 == isIPv6 } else { false }
        }
        guard !isRunning else { return }
        lookups[LookupKey(rawValue: makeKey())] = Lookup(
            steps: steps(to: target, isIPv6: isIPv6, from: contacts),
            isIPv6: isIPv6,
            purpose: .refresh
        )
    }

    private func steps(to target: NodeID, isIPv6: Bool, from contacts: [NodeContact]) -> DHTLookup {
        let table = tables[isIPv6]
        let known = table?.closest(to: target, count: 2 * DHTLookup.resultCount) ?? []
        var steps = DHTLookup(
            target: target,
            ownID: table?.ownID ?? target,
            from: known + contacts
        )
        if known.count < DHTLookup.resultCount {
            for address in configuration.bootstrapAddresses where address.isIPv6 == isIPv6 {
                steps.add(address: address)
            }
        }
        return steps
    }

    /// Lets every lookup ask as much as it may.
    mutating func pump(now: Instant) {
        resume = nil
        for key in lookups.keys.sorted() {
            guard var lookup = lookups[key] else { continue }
            while resume == nil {
                guard limit.maySend(now: now),
                    transactions.count < Self.maximumTransactionCount
                else {
                    resume = now.advanced(by: Self.sendPause)
                    break
                }
                guard let candidate = lookup.steps.next() else { break }
                ask(
                    method(of: lookup),
                    at: candidate.address,
                    contact: candidate.id.map { NodeContact(id: $0, address: candidate.address) },
                    purpose: .lookup(key),
                    now: now
                )
            }
            lookups[key] = lookup
            if resume == nil, lookup.steps.isFinished { finish(key, now: now) }
        }
    }

    private func method(of lookup: Lookup) -> KRPCQuery.Method {
        if case .search(let key) = lookup.purpose, let search = searches[key] {
            return .getPeers(search.infoHash, options: [])
        }
        return .findNode(target: lookup.steps.target)
    }

    private mutating func finish(_ key: LookupKey, now: Instant) {
        guard let lookup = lookups.removeValue(forKey: key) else { return }
        if case .search(let searchKey) = lookup.purpose, var search = searches[searchKey] {
            if let announce = search.announce {
                for (contact, token) in lookup.steps.closest {
                    guard let token else { continue }
                    let announcement = KRPCQuery.Announcement(
                        infoHash: search.infoHash,
                        port: announce.port,
                        token: token,
                        isSeed: announce.isSeed
                    )
                    ask(
                        .announcePeer(announcement),
                        at: contact.address,
                        contact: contact,
                        purpose: .announce,
                        now: now
                    )
                }
            }
            search.lookupCount -= 1
            searches[searchKey] = search.lookupCount == 0 ? nil : search
            if search.lookupCount == 0 { actions.append(.finished(searchKey)) }
        }
        guard !waitingSearches.isEmpty else { return }
        startWaitingSearches(now: now)
        // The lookups that have just started begin with the next timer.
        resume = now
    }

    // MARK: Asking

    func isAsked(_ address: PeerAddress) -> Bool {
        transactions.values.contains { $0.address == address }
    }

    mutating func ask(
        _ method: KRPCQuery.Method,
        at address: PeerAddress,
        contact: NodeContact?,
        purpose: Transaction.Purpose,
        now: Instant
    ) {
        guard let ownID = tables[address.isIPv6]?.ownID else { return }
        var id = UInt32.random(in: .min ... .max, using: &generator)
        while transactions[id] != nil { id &+= 1 }
        transactions[id] = Transaction(
            address: address,
            contact: contact,
            purpose: purpose,
            deadline: now.advanced(by: configuration.queryTimeout)
        )
        let query = KRPCQuery(
            sender: ownID,
            method: method,
            wants: wants(method),
            isReadOnly: configuration.isReadOnly
        )
        let message = KRPCMessage(
            transactionID: (0..<4).map { UInt8(truncatingIfNeeded: id >> (24 - 8 * $0)) },
            body: .query(query),
            version: Self.version
        )
        send(message, to: address)
    }

    /// With two families, nodes of either may lead to nodes of the other (BEP 32).
    private func wants(_ method: KRPCQuery.Method) -> KRPCQuery.Families {
        switch method {
        case .findNode, .getPeers:
            configuration.families.rawValue == 3 ? configuration.families : []
        case .ping, .announcePeer, .unknown: []
        }
    }

    mutating func send(_ message: KRPCMessage, to address: PeerAddress) {
        let bytes = message.encode()
        limit.sent(byteCount: bytes.count)
        actions.append(.send(bytes, to: address))
    }

    mutating func failed(_ transaction: Transaction) {
        if let contact = transaction.contact { tables[contact.address.isIPv6]?.failed(contact) }
        if case .lookup(let key) = transaction.purpose {
            lookups[key]?.steps.failed(transaction.address)
        }
    }

    // MARK: Answers

    mutating func received(
        _ response: KRPCResponse,
        _ message: KRPCMessage,
        from address: PeerAddress,
        now: Instant
    ) {
        guard let (_, transaction) = takeTransaction(message, from: address) else { return }
        let contact = NodeContact(id: response.sender, address: address)
        guard transaction.contact.map({ $0 == contact }) ?? true,
            response.sender != tables[address.isIPv6]?.ownID
        else {
            failed(transaction)
            pump(now: now)
            return
        }
        vote(message.receiver, from: address, now: now)
        if !configuration.bootstrapAddresses.contains(address) { store(contact, now: now) }
        if case .lookup(let key) = transaction.purpose { advance(key, response, from: address) }
        pump(now: now)
    }

    mutating func receivedError(_ message: KRPCMessage, from address: PeerAddress, now: Instant) {
        guard let (_, transaction) = takeTransaction(message, from: address) else { return }
        if case .lookup(let key) = transaction.purpose {
            lookups[key]?.steps.failed(address)
        }
        pump(now: now)
    }

    private mutating func takeTransaction(
        _ message: KRPCMessage,
        from address: PeerAddress
    ) -> (UInt32, Transaction)? {
        guard message.transactionID.count == 4 else { return nil }
        let id = message.transactionID.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard let transaction = transactions[id], transaction.address == address else { return nil }
        transactions[id] = nil
        return (id, transaction)
    }

    private mutating func advance(
        _ key: LookupKey,
        _ response: KRPCResponse,
        from address: PeerAddress
    ) {
        guard let lookup = lookups[key] else { return }
        let nodes = (lookup.isIPv6 ? response.nodes6 : response.nodes) ?? []
        guard
            lookups[key]?.steps.answered(
                address,
                id: response.sender,
                nodes: nodes,
                token: response.token
            ) == true,
            case .search(let searchKey) = lookup.purpose, var search = searches[searchKey]
        else { return }
        var new: [PeerAddress] = []
        for peer in response.peers ?? []
        where !peer.isUnspecified && !peer.isMulticast
            && (peer.network != nil || address.network == nil)
            && search.found.count < Self.maximumFoundCount
        {
            if search.found.insert(peer).inserted { new.append(peer) }
        }
        searches[searchKey] = search
        if !new.isEmpty { actions.append(.found(new, searchKey)) }
    }

    /// A node that is alive is kept, or one is asked whose place it could take.
    private mutating func store(_ contact: NodeContact, now: Instant) {
        let doubtful = tables[contact.address.isIPv6]?.answered(contact, now: now)
        guard let doubtful, !isAsked(doubtful.address), limit.maySend(now: now) else { return }
        ask(.ping, at: doubtful.address, contact: doubtful, purpose: .ping, now: now)
    }
}
