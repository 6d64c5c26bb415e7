package import BitTorrentProtocol

extension DHTNode {
    /// Peers in one answer: as many as fit a packet that no network takes apart.
    private static let maximumPeerCount = 50

    /// A packet has come to the socket.
    package mutating func received(_ bytes: [UInt8], from address: PeerAddress, now: Instant) {
        guard tables[address.isIPv6] != nil else { return }
        let message: KRPCMessage
        do {
            message = try KRPCMessage(decoding: bytes)
        } catch {
            guard case .malformed(let key, let transactionID?) = error, mayAnswer(address, now: now)
            else { return }
            let text = "malformed \(key)"
            sendError(KRPCErrorCode.malformed, text, transactionID, to: address)
            return
        }
        switch message.body {
        case .query(let query): answer(query, message.transactionID, from: address, now: now)
        case .response(let response): received(response, message, from: address, now: now)
        case .error: receivedError(message, from: address, now: now)
        }
    }

    private mutating func mayAnswer(_ address: PeerAddress, now: Instant) -> Bool {
        !configuration.isReadOnly && limit.admits(address, now: now) && limit.maySend(now: now)
    }

    private mutating func answer(
        _ query: KRPCQuery,
        _ transactionID: [UInt8],
        from address: PeerAddress,
        now: Instant
    ) {
        guard mayAnswer(address, now: now), let ownID = tables[address.isIPv6]?.ownID,
            query.sender != ownID
        else { return }
        var response = KRPCResponse(sender: ownID)
        switch query.method {
        case .ping: break
        case .findNode(let target): nameNodes(near: target, query, address, in: &response)
        case .getPeers(let infoHash, let options):
            namePeers(of: infoHash, options, to: address, in: &response)
            nameNodes(near: NodeID(infoHash), query, address, in: &response)
        case .announcePeer(let announcement):
            guard tokens.isValid(announcement.token, for: address) else {
                sendError(KRPCErrorCode.malformed, "bad token", transactionID, to: address)
                return
            }
            guard let peer = address.withPort(announcement.port ?? address.port) else { return }
            store.add(peer, to: announcement.infoHash, isSeed: announcement.isSeed, now: now)
        case .unknown:
            sendError(KRPCErrorCode.unknownMethod, "method unknown", transactionID, to: address)
            return
        }
        let message = KRPCMessage(
            transactionID: transactionID,
            body: .response(response),
            version: Self.version,
            receiver: address
        )
        send(message, to: address)
        meet(query, at: address, now: now)
    }

    /// Whoever asks may be worth knowing, but has to answer first: a sender can be forged.
    private mutating func meet(_ query: KRPCQuery, at address: PeerAddress, now: Instant) {
        let contact = NodeContact(id: query.sender, address: address)
        guard !query.isReadOnly, tables[address.isIPv6]?.hasPlace(for: contact, now: now) == true,
            !configuration.bootstrapAddresses.contains(address), !isAsked(address),
            transactions.count < Self.maximumTransactionCount / 2, limit.maySend(now: now)
        else { return }
        ask(.ping, at: address, contact: contact, purpose: .ping, now: now)
    }

    private func nameNodes(
        near target: NodeID,
        _ query: KRPCQuery,
        _ address: PeerAddress,
        in response: inout KRPCResponse
    ) {
        let own: KRPCQuery.Families = address.isIPv6 ? .ipv6 : .ipv4
        let wants = query.wants.isEmpty ? own : query.wants
        if wants.contains(.ipv4) { response.nodes = tables[false]?.closest(to: target) }
        if wants.contains(.ipv6) { response.nodes6 = tables[true]?.closest(to: target) }
    }

    private mutating func namePeers(
        of infoHash: InfoHash,
        _ options: KRPCQuery.GetPeersOptions,
        to address: PeerAddress,
        in response: inout KRPCResponse
    ) {
        response.token = tokens.token(for: address)
        if options.contains(.scrape), let filters = store.filters(of: infoHash) {
            response.seedFilter = filters.seeds
            response.leecherFilter = filters.leechers
            return
        }
        let peers = store.peers(
            of: infoHash,
            isIPv6: address.isIPv6,
            excludesSeeds: options.contains(.excludesSeeds),
            count: address.isIPv6 ? Self.maximumPeerCount / 2 : Self.maximumPeerCount,
            using: &generator
        )
        if !peers.isEmpty { response.peers = peers }
    }

    private mutating func sendError(
        _ code: Int,
        _ text: String,
        _ transactionID: [UInt8],
        to address: PeerAddress
    ) {
        send(
            KRPCMessage(
                transactionID: transactionID,
                body: .error(code: code, text: text),
                version: Self.version
            ),
            to: address
        )
    }

    // MARK: Our own address

    /// A node has said where our packets come from (BEP 42).
    mutating func vote(_ receiver: PeerAddress?, from address: PeerAddress, now: Instant) {
        guard let receiver, receiver.isIPv6 == address.isIPv6, !receiver.isUnspecified,
            !receiver.isMulticast,
            let host = externalHosts[address.isIPv6]?.cast(receiver.host, by: address.host)
        else { return }
        moveID(isIPv6: address.isIPv6, host: host, now: now)
    }

    /// Somebody else has said where we are: a tracker (BEP 24).
    ///
    /// - Parameters:
    ///   - host: 4 or 16 bytes.
    ///   - voter: who it is; each has one vote.
    package mutating func heardOwnHost(_ host: [UInt8], from voter: String, now: Instant) {
        guard let address = PeerAddress(host: host, port: 1), !address.isUnspecified,
            !address.isMulticast,
            let winner = externalHosts[address.isIPv6]?.cast(address.host, by: Array(voter.utf8))
        else { return }
        moveID(isIPv6: address.isIPv6, host: winner, now: now)
        pump(now: now)
    }

    /// Our address as most nodes see it: 4 or 16 bytes; `nil` while too few have said.
    package func externalHost(isIPv6: Bool) -> [UInt8]? { externalHosts[isIPv6]?.winner }
}

/// What others say our address is; each host has one vote.
struct ExternalAddressVote: Sendable {
    static let minimumCount = 5
    /// Votes after which a round ends, so that a new address can win.
    static let maximumCount = 20

    private var votes: [[UInt8]: [UInt8]] = [:]
    private(set) var winner: [UInt8]?

    /// - Returns: the address if this vote has made another one the winner.
    mutating func cast(_ host: [UInt8], by voter: [UInt8]) -> [UInt8]? {
        votes[voter] = host
        guard votes.count >= Self.minimumCount else { return nil }
        let count = votes.values.count { $0 == host }
        defer { if votes.count >= Self.maximumCount { votes = [:] } }
        guard 2 * count > votes.count, winner != host else { return nil }
        winner = host
        return host
    }
}
