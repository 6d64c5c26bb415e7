/// How many peers a torrent has, as a tracker or the DHT counts them (BEP 15, BEP 33, BEP 48).
package struct SwarmSize: Hashable, Sendable {
    /// Peers with the whole torrent, and others.
    package let seedCount: Int
    package let leecherCount: Int
    /// Downloads that came to their end; `nil` if nobody counts them.
    package let completedCount: Int?

    package init(seedCount: Int, leecherCount: Int, completedCount: Int? = nil) {
        self.seedCount = seedCount
        self.leecherCount = leecherCount
        self.completedCount = completedCount
    }

    package var peerCount: Int { seedCount + leecherCount }
}

extension AnnounceResponse {
    /// What the tracker says of the swarm; `nil` unless it says both numbers.
    package var swarmSize: SwarmSize? {
        guard let seedCount, let leecherCount else { return nil }
        return SwarmSize(seedCount: seedCount, leecherCount: leecherCount)
    }
}
