import BitTorrentProtocol
import NIOCore
import Synchronization
import TorrentLogic

/// A connection that was made before its torrent's pieces were known.
struct EarlyPeer: Sendable {
    let peer: ConnectedPeer
    var messages = EarlyMessages()
}

extension MagnetFetch: PeerOwner {
    nonisolated func makePeerKey() -> PeerKey {
        PeerKey(rawValue: lastPeerKey.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    nonisolated func take(_ event: PeerEvent) {
        assumeIsolated { $0.taken(event) }
    }

    nonisolated func giveUpConnection() {
        assumeIsolated { fetch in
            guard !fetch.isStopped, let key = fetch.links.keys.min() else { return }
            fetch.close(key, because: .replaced)
            fetch.turn { now in fetch.swarm.disconnected(key, now: now) }
        }
    }

    private func taken(_ event: PeerEvent) {
        switch event {
        case .connected(let key, let peer):
            if !peer.isIncoming { resources.connections.dialEnded(for: self) }
            connected(key, to: peer)
        case .received(let messages, let key): received(messages, from: key)
        case .disconnected(let key):
            if let successor, let other = successor.keys[key] {
                return successor.torrent.take(.disconnected(other))
            }
            early[key] = nil
            // One that the swarm closed is forgotten already.
            guard links.removeValue(forKey: key) != nil, !isStopped else { return }
            turn { now in swarm.disconnected(key, now: now) }
        case .dialFailed(let address):
            resources.connections.dialEnded(for: self)
            dialFailed(address)
        }
    }

    func dialFailed(_ address: PeerAddress) {
        guard !isStopped else { return }
        turn { now in swarm.dialFailed(address, now: now) }
    }

    private func connected(_ key: PeerKey, to peer: ConnectedPeer) {
        guard !isStopped else { return peer.channel.close(promise: nil) }
        progress()
        links[key] = PeerLink(
            channel: peer.channel,
            address: peer.address,
            isIncoming: peer.isIncoming
        )
        early[key] = EarlyPeer(peer: peer)
        turn { now in
            swarm.connected(
                key,
                address: peer.address,
                isIncoming: peer.isIncoming,
                id: peer.id,
                isExtended: peer.capabilities.contains(.extensionProtocol),
                isFast: peer.capabilities.contains(.fast),
                listenPort: resources.listenPort.announced,
                now: now
            )
        }
    }

    private func received(_ messages: [PeerMessage], from key: PeerKey) {
        if let successor, let other = successor.keys[key] {
            return successor.torrent.take(.received(messages, from: other))
        }
        guard links[key] != nil else { return }
        for message in messages { early[key]?.messages.received(message) }
        guard !isStopped else { return }
        turn { now in
            for case .extended(let id, let payload) in messages {
                swarm.received(id: id, Array(payload.readableBytesView), from: key, now: now)
            }
        }
    }

    // MARK: The end

    var hasConnections: Bool { !links.isEmpty }

    /// Gives the connections to the torrent, with all that came over them, if it lives on the same
    /// event loop.
    ///
    /// What arrives until the handlers of the connections know is passed on.
    func handOver(to torrent: Torrent) {
        // Somebody else has added it meanwhile.
        guard torrent.loop === loop else { return closeConnections() }
        let kept = early.filter { links[$0.key] != nil && $0.value.messages.isComplete }
            .sorted { $0.key < $1.key }
        for key in links.keys.sorted() where !kept.contains(where: { $0.key == key }) {
            close(key, because: .stopping)
        }
        links = [:]
        early = [:]
        let keys = torrent.assumeIsolated { $0.adopt(kept.map(\.value)) }
        successor = (torrent, Dictionary(uniqueKeysWithValues: zip(kept.map(\.key), keys)))
        for (one, key) in zip(kept, keys) {
            let channel = one.value.peer.channel
            channel.eventLoop.execute {
                let pipeline = channel.pipeline.syncOperations
                // Gone with a connection that has just ended.
                try? pipeline.handler(type: PeerConnection.self).handOver(to: torrent, as: key)
            }
        }
    }

    /// Nobody goes on with the torrent.
    func closeConnections() {
        for key in links.keys.sorted() { close(key, because: .stopping) }
    }
}
