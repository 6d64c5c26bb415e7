import BitTorrentProtocol
import TorrentLogic

extension Torrent: Announcer {
    var standing: Announcing.Standing {
        Announcing.Standing(
            uploaded: uploadedByteCount,
            downloaded: downloadedByteCount,
            left: info.geometry.contentLength - published.cachedByteCount
        )
    }

    func found(byTracker addresses: [PeerAddress], now: Swarm.Instant) {
        swarm.found(addresses, now: now)
    }

    func heardOwnHost(_ host: [UInt8], fromTracker tracker: String) {
        guard let address = PeerAddress(host: host, port: resources.listenPort.announced) else {
            return
        }
        swarm.heardOwnAddress(address, fromTracker: Announcing.name(of: tracker))
    }

    /// Tells the schedule how things stand and sends what is due.
    ///
    /// A torrent is announced from the first demand until it goes cold, and while it has something to
    /// give.
    func announceAsNeeded(_ standing: Swarm.Standing, now: Swarm.Instant) {
        guard announcing.hasTrackers, !isStopped else { return }
        let hasDemand = standing.hasDemand
        let isInUse = hasDemand || announcing.isInUse || lifecycle.isOffered(now: now)
        if isInUse != announcing.isInUse {
            announcing.isInUse = isInUse
            announcing.schedule.start(now: now)
        }
        let situation = Announcing.Situation(
            hasDemand: hasDemand,
            usablePeerCount: standing.usablePeerCount
        )
        if isInUse, situation != announcing.told {
            announcing.told = situation
            announcing.schedule.update(
                hasDemand: hasDemand,
                usablePeerCount: situation.usablePeerCount,
                now: now
            )
        }
        sendAnnounces()
        sendScrapes(now: now)
    }
}
