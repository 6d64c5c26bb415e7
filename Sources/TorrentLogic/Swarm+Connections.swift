package import BitTorrentProtocol

// Who is connected: dialling, handshakes, bans, time-outs.
extension Swarm {
    /// Addresses from a tracker, the configuration or another source.
    package mutating func found(_ addresses: [PeerAddress], now: Instant) {
        guard !isStopped else { return }
        pool.found(addresses, now: now)
        dial(now: now)
        reschedule(now: now)
    }

    /// The handshake is done both ways.
    ///
    /// For an incoming connection `address` is the remote end of the socket, whose port is not
    /// where the peer listens.
    ///
    /// - Parameters:
    ///   - isFast: both sides speak the fast extension (BEP 6).
    ///   - speaksVersion2: it may be asked for hashes (BEP 52).
    ///   - allowedFast: the pieces that its address may be allowed to request while choked (BEP 6).
    ///   - isGreeted: it knows already that we have nothing, from before the pieces were known.
    package mutating func connected(
        _ key: PeerKey,
        address: PeerAddress,
        isIncoming: Bool,
        id: PeerID,
        isFast: Bool = false,
        speaksVersion2: Bool = false,
        allowedFast: [PieceIndex] = [],
        isGreeted: Bool = false,
        now: Instant
    ) {
        let identity = PeerIdentity(address: address, isIncoming: isIncoming, id: id)
        let dialTime = isIncoming ? nil : pool.dialTime(of: address, now: now)
        if !isIncoming { pool.connected(address, now: now) }
        if let reason = reasonToRefuse(identity, now: now) {
            actions.append(.close(key, reason: reason))
            if !isIncoming { pool.disconnected(address, wasUseful: false, now: now) }
            return
        }
        let index = peers.insert(
            Peer(
                key: key,
                identity: identity,
                isFast: isFast,
                offeredAlways: allowedFast,
                pieceCount: geometry.pieceCount,
                limits: limits,
                now: now
            )
        )
        // A trip for the connection, one for the handshake.
        if let dialTime { peers[index].pipeline.assume(roundTrip: dialTime / 2) }
        if speaksVersion2 { hashes?.connected(key) }
        greet(index, isGreeted: isGreeted, now: now)
        reschedule(now: now)
    }

    /// Whether to dial a peer that dials us at the same moment (BEP 55); it counts as being dialled then.
    package mutating func claimDial(to address: PeerAddress, now: Instant) -> Bool {
        !isStopped && peerCount + pool.diallingCount < limits.maximumPeers
            && pool.claim(address, now: now)
    }

    package mutating func dialFailed(_ address: PeerAddress, now: Instant) {
        pool.dialFailed(address, now: now)
        dial(now: now)
        reschedule(now: now)
    }

    /// The connection is gone, whoever closed it.
    package mutating func disconnected(_ key: PeerKey, now: Instant) {
        guard let index = peers.index(of: key) else { return }
        remove(index, now: now)
        requestMore(now: now)
        dial(now: now)
        reschedule(now: now)
    }

    /// Tells the owner to close the connection, and forgets it.
    mutating func close(_ index: Int, reason: CloseReason, now: Instant) {
        actions.append(.close(peers[index].key, reason: reason))
        remove(index, now: now)
        requestMore(now: now)
    }

    /// Bans whoever sent a wrong block of the piece, connected or not.
    mutating func ban(_ key: PeerKey, piece: PieceIndex, now: Instant) {
        if let number = key.webSeedNumber { return convictWebSeed(number, now: now) }
        let index = peers.index(of: key)
        guard
            let identity = index.flatMap({ peers[$0].identity })
                ?? departed.last(where: { $0.key == key })?.identity
        else { return }
        // One wrong block may convict a peer of several pieces, some after it is gone.
        guard index != nil || !pool.bans.contains(identity) else { return }
        pool.ban(identity)
        actions.append(.banned(identity.address, piece: piece))
        if let index { close(index, reason: .banned, now: now) }
        // Other connections of the same peer or, if public, of the same host.
        for other in peers.indices.reversed()
        where other < peers.count && peers[other].identity.map(pool.bans.contains) ?? false {
            close(other, reason: .banned, now: now)
        }
    }

    mutating func dial(now: Instant) {
        guard !isStopped, hasDemand else { return }
        joinWebSeeds(now: now)
        let dials = pool.dials(peerCount: peerCount, now: now) { ownAddresses.priority(of: $0) }
        for address in dials {
            actions.append(.dial(address))
        }
    }

    mutating func send(_ message: PeerMessage, to index: Int, now: Instant) {
        if peers[index].isWebSeed {
            switch message {
            case .request, .cancel: break
            default: return
            }
        }
        actions.append(.send(message, to: peers[index].key))
        peers[index].lastSent = now
    }

    /// Works out when `maintain` has something to do.
    mutating func reschedule(now: Instant) {
        guard !isStopped else { return }
        var next: Instant?
        func consider(_ other: Instant?) {
            if let other { next = next.map { min($0, other) } ?? other }
        }
        if !peers.isEmpty { consider(max(now, lastMaintenance + Self.maintenance)) }
        consider(demand.nextExpiry)
        consider(resumeAt)
        if hasDemand { consider(webSeeds.nextJoin) }
        if hasDemand, peerCount + pool.diallingCount < limits.maximumPeers,
            pool.diallingCount < limits.maximumHalfOpen
        {
            consider(pool.nextDial)
        }
        maintenanceAt = next
    }

    /// What needs no precision: time-outs, keep-alives, choking, dialling, the end of demand.
    mutating func maintain(now: Instant) {
        lastMaintenance = now
        if hasDemand { lastDemand = now }
        if demand.expire(now: now) { replan(now: now, always: true) }
        if !hasDemand {
            for piece in picker.unplannedPieces { abandon(piece, now: now) }
        }
        if let resumeAt, resumeAt <= now {
            self.resumeAt = nil
            picker.resumeAll()
            requestMore(now: now)
        }
        leaveIdleWebSeeds(now: now)
        for index in peers.indices.reversed()
        where index < peers.count && !peers[index].isWebSeed {
            if now - peers[index].lastReceived >= limits.silenceTimeout {
                close(index, reason: .silent, now: now)
            } else if now - peers[index].lastSent >= limits.keepAliveInterval - Self.maintenance {
                send(.keepAlive, to: index, now: now)
            }
        }
        for index in peers.indices { updateInterest(of: index, now: now) }
        if now >= choker.nextRound { rechoke(now: now) }
        dial(now: now)
        reschedule(now: now)
    }

    private mutating func reasonToRefuse(_ identity: PeerIdentity, now: Instant) -> CloseReason? {
        if isStopped { return .stopping }
        if identity.id == ownID {
            if !identity.isIncoming { pool.forgetOwn(identity.address) }
            return .ownConnection
        }
        if pool.bans.contains(identity) {
            // A known liar under an address that was not known to be its own.
            pool.ban(identity)
            return .banned
        }
        if let other = peers.firstIndex(where: { $0.identity?.id == identity.id }) {
            guard replaces(peers[other], identity, now: now) else { return .duplicateConnection }
            close(other, reason: .duplicateConnection, now: now)
        }
        return makeRoom(for: identity, now: now) ? nil : .tooManyPeers
    }

    /// Which of two connections to the same peer stays.
    ///
    /// When both sides dialled at the same moment, the connection that the lower peer id dialled:
    /// both sides come to the same answer. Otherwise the older one, unless it is dead.
    private func replaces(_ older: Peer, _ newer: PeerIdentity, now: Instant) -> Bool {
        if now - older.connectedAt < .seconds(10), older.identity?.isIncoming != newer.isIncoming {
            let weAreLower = ownID.bytes.lexicographicallyPrecedes(newer.id.bytes)
            return newer.isIncoming != weAreLower
        }
        return now - older.lastReceived > limits.silenceTimeout / 2
    }

    private mutating func remove(_ index: Int, now: Instant) {
        giveBackRequests(of: index)
        let peer = peers.remove(at: index)
        choker.left(peer.key)
        if peer.isUnchoked, !isStopped { unchokeWaiting(now: now) }
        hashes?.disconnected(peer.key)
        guard let identity = peer.identity else { return }
        if departed.count >= Self.maximumDeparted { departed.removeFirst() }
        departed.append((peer.key, identity))
        guard !identity.isIncoming else { return }
        pool.disconnected(identity.address, wasUseful: peer.wasUseful, now: now)
    }
}
