import BitTorrentProtocol
import Logging
import NIOCore
import TorrentLogic

extension SessionResources {
    /// Names of one tracker's answer, or of one link, that are looked up.
    private static let maximumPeerNameCount = 16

    /// Looks up peers that are given by name, one after the other.
    ///
    /// A name that stands for an address that may not be dialled is refused.
    func findPeers(
        named peers: [AnnounceResponse.NamedPeer],
        on loop: any EventLoop,
        logger: Logger,
        found: ([PeerAddress]) async -> Void
    ) async {
        // A question to a name server would go around a proxy.
        guard configuration.routes.route(of: .nameLookups) == .direct else { return }
        for peer in peers.prefix(Self.maximumPeerNameCount) {
            do {
                await found(
                    try await HostResolver.addresses(
                        of: peer.hostName,
                        port: peer.port,
                        allowedBy: addresses,
                        on: loop,
                        within: configuration.announceTimeout
                    )
                )
            } catch {
                logger.info("a peer is not found: \(error)", metadata: ["peer": "\(peer.hostName)"])
            }
        }
    }
}
