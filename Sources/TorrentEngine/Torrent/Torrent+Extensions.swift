import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

extension Torrent {
    /// After the swarm has greeted the peer, or closed the connection.
    func beginExtensions(_ key: PeerKey, to peer: ConnectedPeer) {
        extensions.connected(
            key,
            address: peer.address,
            isIncoming: peer.isIncoming,
            by: Transport(of: peer.channel),
            isExtended: peer.capabilities.contains(.extensionProtocol),
            greeting: .init(
                listenPort: resources.listenPort.announced,
                isUploadOnly: swarm.have.isComplete
            )
        )
    }

    /// - Returns: true if the swarm may have something to do now.
    func performExtensionActions() -> Bool {
        var hasNews = false
        for action in extensions.takeActions() {
            switch action {
            case .send(let id, let payload, let key):
                guard let link = links[key] else { break }
                link.send(.extended(id: id, payload: ByteBuffer(bytes: payload)))
                flushLater(link)
            case .found(let addresses):
                swarm.found(addresses.filter(resources.addresses.allows), now: .now)
                hasNews = true
            case .limitRequests(let count, let key):
                swarm.limitRequests(of: key, to: count, now: .now)
                hasNews = true
            case .uploadOnly(let isUploadOnly, let key):
                swarm.receivedUploadOnly(isUploadOnly, from: key, now: .now)
                hasNews = true
            case .dontHave(let piece, let key):
                swarm.receivedDontHave(piece, from: key, now: .now)
                hasNews = true
            case .ownHost(let host, let key):
                let port = resources.listenPort.announced
                if let address = PeerAddress(host: host, port: port) {
                    swarm.heardOwnAddress(address, from: key)
                }
            case .punch(let address):
                if resources.addresses.allows(address), swarm.claimDial(to: address, now: .now) {
                    logger.debug("punching a hole", metadata: ["peer": "\(address)"])
                    resources.connections.punch(to: address, for: self)
                }
            case .loadMetadata: loadMetadata()
            // The metadata is known.
            case .complete, .blame: break
            }
        }
        return hasNews
    }

    private func loadMetadata() {
        let (store, infoHash) = (resources.store, infoHash)
        resources.pool.run(on: loop) { try store.infoBytes(of: infoHash) }
            .whenComplete { result in
                self.assumeIsolated { $0.loaded(result) }
            }
    }

    private func loaded(_ metadata: Result<[UInt8]?, any Error>) {
        if case .failure(let error) = metadata {
            logger.error("the metadata cannot be served: \(error)")
        }
        guard !isStopped else { return }
        turn { now in extensions.loaded((try? metadata.get()) ?? nil, now: now) }
    }
}
