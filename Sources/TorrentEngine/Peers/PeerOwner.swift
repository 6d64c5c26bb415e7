import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

/// What a connection tells its owner.
enum PeerEvent: Sendable {
    /// The handshake is done both ways.
    case connected(PeerKey, ConnectedPeer)
    /// The messages of one read burst.
    case received([PeerMessage], from: PeerKey)
    case disconnected(PeerKey)
    case dialFailed(PeerAddress)
}

/// A peer whose handshake is done.
struct ConnectedPeer: Sendable {
    let channel: any Channel
    /// Where we dialled; of an incoming connection its remote end.
    let address: PeerAddress
    let isIncoming: Bool
    let id: PeerID
    /// What both sides can do.
    let capabilities: PeerCapabilities
    /// The handshake ended under the hash of v2 (BEP 52).
    let speaksVersion2: Bool
}

/// Who has the torrent that a peer asks for.
enum PeerOwnerSearch: Sendable {
    case found(any PeerOwner)
    /// It has to be woken; nobody, if that fails.
    case later(EventLoopFuture<(any PeerOwner)?>)
    case nobody
}

/// Who has our end of the connections of one info-hash, on one event loop: a torrent, or what looks
/// for its metadata.
protocol PeerOwner: AnyObject, Sendable {
    var infoHash: InfoHash { get }
    /// The hashes under which peers may ask for it.
    var swarmHashes: SwarmHashes { get }
    var loop: any EventLoop { get }
    var resources: SessionResources { get }
    var logger: Logger { get }

    /// What our handshake says of the DHT (BEP 5).
    var dhtCapability: PeerCapabilities { get }

    /// Peers that are asked by the hash of v2.
    var version2Peers: Version2Peers { get }

    /// Never the same twice.
    func makePeerKey() -> PeerKey

    /// To be called on `loop`.
    func take(_ event: PeerEvent)

    /// Closes the connection of least use: another torrent needs its place. To be called on `loop`.
    func giveUpConnection()
}

extension PeerOwner {
    /// The hash under which we ask the peer at an address.
    private func hash(toDial address: PeerAddress) -> InfoHash {
        guard let version2 = swarmHashes.version2, version2Peers.contains(address) else {
            return swarmHashes.all[0]
        }
        return version2
    }

    var dhtCapability: PeerCapabilities { resources.discovery.dhtPort == 0 ? [] : .dht }

    /// Hands over an event: now if this is the owner's loop, else soon.
    func tell(_ event: PeerEvent) {
        if loop.inEventLoop {
            take(event)
        } else {
            loop.execute { self.take(event) }
        }
    }

    /// Connects and shakes hands.
    ///
    /// Reports a failure not within this turn, in which actions are still being performed.
    ///
    /// - Parameter transport: the only one to be tried; `nil` for all.
    func dial(_ address: PeerAddress, by transport: Transport? = nil) {
        guard resources.filter.allows(address) else {
            logger.debug("a peer is in the IP filter", metadata: ["peer": "\(address)"])
            return loop.execute { self.take(.dialFailed(address)) }
        }
        let encrypts = resources.encryptedDials.encrypts(address)
        let hash = hash(toDial: address)
        resources.dialler.connect(to: address, by: transport, on: loop).whenComplete { result in
            switch result {
            case .success(let channel):
                channel.eventLoop.execute {
                    do {
                        try self.greet(
                            address,
                            over: channel,
                            under: hash,
                            encrypts: encrypts
                        )
                    } catch {
                        self.dialFailed(address, because: error)
                    }
                }
            case .failure(let error): self.dialFailed(address, because: error)
            }
        }
    }

    private func dialFailed(_ address: PeerAddress, because error: any Error) {
        resources.connections.failed(because: error, to: address)
        logger.debug("cannot reach a peer: \(error)", metadata: ["peer": "\(address)"])
        loop.execute { self.take(.dialFailed(address)) }
    }

    /// Begins to shake hands on a connection that we dialled, on its event loop.
    private func greet(
        _ address: PeerAddress,
        over channel: any Channel,
        under hash: InfoHash,
        encrypts: Bool
    ) throws {
        guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
        let pipeline = channel.pipeline.syncOperations
        if encrypts {
            try pipeline.addHandler(PeerCipher(dialling: hash, resources: resources))
        }
        try pipeline.addHandler(
            PeerConnection(side: .outgoing(self, address, under: hash), resources: resources)
        )
        // It became active before they were there.
        pipeline.fireChannelActive()
    }
}
