import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

extension Torrent: PeerOwner {
    nonisolated func take(_ event: PeerEvent) {
        assumeIsolated { torrent in
            switch event {
            case .connected(let key, let peer):
                if !peer.isIncoming { resources.connections.dialEnded(for: self) }
                torrent.connected(key, to: peer)
            case .received(let messages, let key): torrent.received(messages, from: key)
            case .disconnected(let key): torrent.disconnected(key)
            case .dialFailed(let address):
                resources.connections.dialEnded(for: self)
                torrent.dialFailed(address)
            }
        }
    }

    nonisolated func giveUpConnection() {
        assumeIsolated { torrent in
            guard !torrent.isStopped else { return }
            torrent.turn { now in torrent.swarm.giveUpConnection(now: now) }
        }
    }

    /// Adds addresses where peers may be found.
    ///
    /// - Parameter speakVersion2: they were found in the swarm of v2 of a hybrid torrent.
    func found(_ addresses: [PeerAddress], speakVersion2: Bool = false) {
        guard !isStopped, !addresses.isEmpty else { return }
        if speakVersion2 { version2Peers.insert(addresses) }
        turn { now in swarm.found(addresses, now: now) }
    }

    func dialFailed(_ address: PeerAddress) {
        guard !isStopped else { return }
        turn { now in
            swarm.dialFailed(address, now: now)
            extensions.dialFailed(address, now: now)
        }
    }

    /// - Parameter isGreeted: the peer knows already that we have nothing.
    func connected(_ key: PeerKey, to peer: ConnectedPeer, isGreeted: Bool = false) {
        let (address, isIncoming) = (peer.address, peer.isIncoming)
        guard !isStopped else { return peer.channel.close(promise: nil) }
        links[key] = PeerLink(channel: peer.channel, address: address, isIncoming: isIncoming)
        logger.debug("connected", metadata: ["peer": "\(address)", "client": "\(peer.id)"])
        turn { now in
            swarm.connected(
                key,
                address: address,
                isIncoming: isIncoming,
                id: peer.id,
                isFast: peer.capabilities.contains(.fast),
                speaksVersion2: peer.speaksVersion2,
                allowedFast: allowedFast(for: peer),
                isGreeted: isGreeted,
                now: now
            )
            beginExtensions(key, to: peer)
        }
        if peer.capabilities.contains(.dht) { sendDHTPort(to: key) }
    }

    /// Takes over connections from before the metadata was known, and what came over them.
    ///
    /// - Returns: the keys of these peers from now on.
    func adopt(_ peers: [EarlyPeer]) -> [PeerKey] {
        peers.map { early in
            let key = makePeerKey()
            connected(key, to: early.peer, isGreeted: true)
            received(early.messages.messages, from: key)
            return key
        }
    }

    private func allowedFast(for peer: ConnectedPeer) -> [PieceIndex] {
        guard peer.capabilities.contains(.fast), !swarm.have.isEmpty else { return [] }
        return AllowedFastSet.pieces(
            for: peer.address.host,
            of: infoHash,
            pieceCount: info.geometry.pieceCount,
            count: resources.configuration.limits.alwaysAllowedPieceCount
        )
    }

    /// Takes the messages of one read burst.
    func received(_ messages: [PeerMessage], from key: PeerKey) {
        guard !isStopped else { return }
        let now = Swarm.Instant.now
        for message in messages {
            // The swarm closed the connection: the rest is ignored.
            guard links[key] != nil else { break }
            switch message {
            case .port(let port): heardDHTPort(port, from: key)
            case .piece(let piece, let offset, let payload):
                receivedBlock(piece, offset, payload, from: key, now: now)
            case .extended(let id, let payload):
                swarm.received(message, from: key, now: now)
                extensions.received(id: id, Array(payload.readableBytesView), from: key, now: now)
            // What comes of it can wait until the others are in.
            case .request:
                swarm.received(message, from: key, now: now)
                continue
            default: swarm.received(message, from: key, now: now)
            }
            // Before the next message, because a discarded piece may be begun anew by it.
            performActions()
        }
        performActions()
        endTurn(now)
    }

    func receivedBlock(
        _ piece: UInt32,
        _ offset: UInt32,
        _ payload: ByteBuffer,
        from key: PeerKey,
        now: Swarm.Instant
    ) {
        downloadedByteCount += UInt64(payload.readableBytes)
        let block = swarm.receivedBlock(
            piece: piece,
            offset: offset,
            length: UInt32(payload.readableBytes),
            from: key,
            now: now
        )
        guard let block else { return }
        buffers.store(
            payload,
            of: block,
            blockCount: info.geometry.blockCount(of: block.piece)
        )
    }

    func disconnected(_ key: PeerKey) {
        // One that the swarm closed is forgotten already.
        guard let link = links.removeValue(forKey: key), !isStopped else { return }
        logger.debug("disconnected", metadata: ["peer": "\(link.address)"])
        turn { now in
            extensions.disconnected(key, now: now)
            swarm.disconnected(key, now: now)
        }
    }

    func close(_ key: PeerKey, because reason: CloseReason) {
        guard let link = links.removeValue(forKey: key) else { return }
        logger.debug("closing a peer: \(reason)", metadata: ["peer": "\(link.address)"])
        extensions.disconnected(key, now: .now)
        link.flush()
        link.channel.close(promise: nil)
    }
}
