import BitTorrentProtocol
import TorrentLogic

extension MagnetFetch: Announcer {
    /// What is left of a torrent of unknown length; 0 would make us a seed.
    private static let assumedLeft: UInt64 = 16 << 10

    var standing: Announcing.Standing { Announcing.Standing(left: Self.assumedLeft) }

    func announceAsNeeded(usablePeerCount: Int, _ now: MetadataSwarm.Instant) {
        guard announcing.hasTrackers, !isStopped else { return }
        announcing.schedule.update(
            hasDemand: true,
            usablePeerCount: usablePeerCount,
            now: now
        )
        sendAnnounces()
        sendScrapes(now: now)
    }

    /// Whom to connect to is not chosen before there is a torrent.
    func heardOwnHost(_ host: [UInt8], fromTracker tracker: String) {}
}
