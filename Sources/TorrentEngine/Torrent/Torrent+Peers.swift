import BitTorrentProtocol
import Logging
import NIOCore
import NIOPosix
import TorrentLogic

extension Torrent {
    /// Adds addresses where peers may be found.
    func found(_ addresses: [PeerAddress]) {
        guard !isStopped, !addresses.isEmpty else { return }
        turn { now in swarm.found(addresses, now: now) }
    }

    /// Reports a failure not within this turn, in which actions are still being performed.
    func dial(_ address: PeerAddress) {
        let resources = resources
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(resources.configuration.connectTimeout))
            .peerChannelOptions()
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        PeerConnection(side: .outgoing(self, address), resources: resources)
                    )
                }
            }
        do {
            bootstrap.connect(to: try address.socketAddress).whenFailure { error in
                self.logger.debug("cannot reach a peer: \(error)", metadata: ["peer": "\(address)"])
                self.loop.execute { self.run { $0.dialFailed(address) } }
            }
        } catch {
            loop.execute { self.run { $0.dialFailed(address) } }
        }
    }

    func dialFailed(_ address: PeerAddress) {
        guard !isStopped else { return }
        turn { now in swarm.dialFailed(address, now: now) }
    }

    /// - Parameter address: where we dialled; of an incoming connection its remote end.
    func connected(
        _ key: PeerKey,
        over channel: any Channel,
        to address: PeerAddress,
        isIncoming: Bool,
        id: PeerID
    ) {
        guard !isStopped else { return channel.close(promise: nil) }
        links[key] = PeerLink(channel: channel, address: address, isIncoming: isIncoming)
        logger.debug("connected", metadata: ["peer": "\(address)", "client": "\(id)"])
        turn { now in
            swarm.connected(key, address: address, isIncoming: isIncoming, id: id, now: now)
        }
    }

    /// Takes the messages of one read burst.
    func received(_ messages: [PeerMessage], from key: PeerKey) {
        guard !isStopped else { return }
        let now = Swarm.Instant.now
        for message in messages {
            // The swarm closed the connection: the rest is ignored.
            guard links[key] != nil else { break }
            if case .port(let port) = message { heardDHTPort(port, from: key) }
            if case .piece(let piece, let offset, let payload) = message {
                receivedBlock(piece, offset, payload, from: key, now: now)
            } else {
                swarm.received(message, from: key, now: now)
            }
            // Before the next message, because a discarded piece may be begun anew by it.
            performActions()
        }
        endTurn(now)
    }

    private func receivedBlock(
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
        turn { now in swarm.disconnected(key, now: now) }
    }

    func close(_ key: PeerKey, because reason: CloseReason) {
        guard let link = links.removeValue(forKey: key) else { return }
        logger.debug("closing a peer: \(reason)", metadata: ["peer": "\(link.address)"])
        link.flush()
        link.channel.close(promise: nil)
    }
}
