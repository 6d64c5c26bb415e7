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
    var loop: any EventLoop { get }
    var resources: SessionResources { get }
    var logger: Logger { get }

    /// What our handshake says of the DHT (BEP 5).
    var dhtCapability: PeerCapabilities { get }

    /// Never the same twice.
    func makePeerKey() -> PeerKey

    /// To be called on `loop`.
    func take(_ event: PeerEvent)
}

extension PeerOwner {
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
    func dial(_ address: PeerAddress) {
        let encrypts = resources.encryptedDials.encrypts(address)
        resources.dialler.connect(to: address, on: loop).whenComplete { result in
            switch result {
            case .success(let channel):
                channel.eventLoop.execute {
                    do {
                        try self.greet(address, over: channel, encrypts: encrypts)
                    } catch {
                        self.dialFailed(address, because: error)
                    }
                }
            case .failure(let error): self.dialFailed(address, because: error)
            }
        }
    }

    private func dialFailed(_ address: PeerAddress, because error: any Error) {
        logger.debug("cannot reach a peer: \(error)", metadata: ["peer": "\(address)"])
        loop.execute { self.take(.dialFailed(address)) }
    }

    /// Begins to shake hands on a connection that we dialled, on its event loop.
    private func greet(
        _ address: PeerAddress,
        over channel: any Channel,
        encrypts: Bool
    ) throws {
        guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
        let pipeline = channel.pipeline.syncOperations
        if encrypts {
            try pipeline.addHandler(PeerCipher(dialling: infoHash, resources: resources))
        }
        try pipeline.addHandler(
            PeerConnection(side: .outgoing(self, address), resources: resources)
        )
        // It became active before they were there.
        pipeline.fireChannelActive()
    }
}
