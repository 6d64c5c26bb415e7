import BitTorrentProtocol
import TorrentLogic

extension Torrent {
    /// Usable peers that are enough for a reader.
    private static let enoughPeers = 5

    /// Tells those who find peers without a tracker how things stand.
    ///
    /// A torrent that has something to give wants peers, and so does one that somebody reads, until it
    /// goes cold. A private one has its trackers only (BEP 27).
    func discoverAsNeeded(_ standing: Swarm.Standing, now: Swarm.Instant) {
        guard !isStopped, !info.isPrivate, !resources.discovery.isOff else { return }
        let hasDemand = standing.hasDemand
        let isSeed = lifecycle.isSeeding(now: now)
        let isInUse = hasDemand || lifecycle.isOffered(now: now) || discoveryNeed != nil
        let isUrgent = hasDemand && standing.usablePeerCount < Self.enoughPeers
        let need =
            isInUse ? Discovery.Need(isUrgent: isUrgent, isSeed: isSeed) : nil
        guard need != discoveryNeed else { return }
        discoveryNeed = need
        for hash in swarmHashes.all {
            guard let need else {
                resources.discovery.drop(hash)
                continue
            }
            let speakVersion2 = hash != infoHash
            resources.discovery.want(hash, need) { [weak self] peers in
                self?.run { $0.found(peers, speakVersion2: speakVersion2) }
            }
        }
    }

    /// Nobody looks for peers of this torrent any more.
    func endDiscovery() {
        guard discoveryNeed != nil else { return }
        discoveryNeed = nil
        for hash in swarmHashes.all { resources.discovery.drop(hash) }
    }

    // MARK: Nodes of peers (BEP 5)

    nonisolated var dhtCapability: PeerCapabilities {
        !info.isPrivate && resources.discovery.dhtPort != 0 ? .dht : []
    }

    /// Tells a peer that knows the DHT, as we do, where our node is.
    func sendDHTPort(to key: PeerKey) {
        guard let link = links[key] else { return }
        link.send(.port(resources.discovery.dhtPort))
        link.flush()
    }

    /// A peer has told where its node is.
    func heardDHTPort(_ port: UInt16, from key: PeerKey) {
        guard !info.isPrivate, let address = links[key]?.address.withPort(port) else { return }
        resources.discovery.dht?.run { $0.heardOf(address) }
    }
}
