import BitTorrentProtocol
import Logging
import NIOCore
import PieceStorage
import StateStore
import TorrentLogic

/// What finds peers without a tracker, as far as the configuration wants it.
struct Discovery: Sendable {
    /// What a torrent wants of it.
    struct Need: Equatable, Sendable {
        /// A reader waits and few peers give data.
        let isUrgent: Bool
        let isSeed: Bool
    }

    /// Takes peers that were found; called on any event loop.
    typealias Found = @Sendable ([PeerAddress]) -> Void

    let dht: DHTService?
    let local: LocalDiscovery?

    /// Nothing is looked for.
    var isOff: Bool { dht == nil && local == nil }

    /// UDP port of our DHT node; 0 while there is none.
    var dhtPort: UInt16 { dht?.port.value ?? 0 }

    /// Looks for peers of a torrent, now and again, until `drop`.
    func want(_ infoHash: InfoHash, _ need: Need, found: @escaping Found) {
        dht?.run { $0.want(infoHash, need, found: found) }
        local?.run { $0.want(infoHash, need, found: found) }
    }

    func drop(_ infoHash: InfoHash) {
        dht?.run { $0.drop(infoHash) }
        local?.run { $0.drop(infoHash) }
    }

    /// - Parameter port: TCP port on which peers find us.
    func start(port: UInt16) async {
        await dht?.start(port: port)
        await local?.start(port: port)
    }

    func shutdown() async {
        await local?.shutdown()
        await dht?.shutdown()
    }
}

extension Discovery {
    init(
        configuration: SessionConfiguration,
        datagrams: DatagramPort,
        addresses: AddressFilter,
        store: StateStore,
        pool: DiskPool,
        group: any EventLoopGroup,
        logger: Logger
    ) {
        let routes = configuration.routes
        dht =
            configuration.usesDHT && routes.route(of: .dht) != .off
            ? DHTService(
                configuration: configuration,
                datagrams: datagrams,
                addresses: addresses,
                store: store,
                pool: pool,
                logger: logger
            ) : nil
        local =
            configuration.usesLocalDiscovery && routes.route(of: .localDiscovery) == .direct
            ? LocalDiscovery(
                listenHost: configuration.listenHost,
                addresses: addresses,
                loop: group.next(),
                logger: logger
            ) : nil
    }
}
