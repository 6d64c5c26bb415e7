package import BitTorrentProtocol

/// Peers that others have announced to this node (BEP 5).
package struct DHTPeerStore: Sendable {
    package typealias Instant = ContinuousClock.Instant

    package static let maximumTorrentCount = 2000
    /// Of one torrent and one address family.
    package static let maximumPeerCount = 100
    package static let lifetime = Duration.seconds(30 * 60)

    private struct Key: Hashable {
        let infoHash: InfoHash
        let isIPv6: Bool
    }

    private struct Entry {
        var address: PeerAddress
        var isSeed: Bool
        var announced: Instant
    }

    /// By host: one port for each.
    private var torrents: [Key: [[UInt8]: Entry]] = [:]

    package init() {}

    package var torrentCount: Int { torrents.count }

    /// - Returns: false if there is no room.
    @discardableResult
    package mutating func add(
        _ address: PeerAddress,
        to infoHash: InfoHash,
        isSeed: Bool,
        now: Instant
    ) -> Bool {
        let key = Key(infoHash: infoHash, isIPv6: address.isIPv6)
        var peers = torrents[key] ?? [:]
        guard !peers.isEmpty || torrents.count < Self.maximumTorrentCount else { return false }
        let host = address.host
        if peers[host] == nil, peers.count >= Self.maximumPeerCount {
            // The one silent for the longest is the likeliest to be gone.
            guard let oldest = peers.min(by: { $0.value.announced < $1.value.announced })?.key
            else {
                return false
            }
            peers[oldest] = nil
        }
        peers[host] = Entry(address: address, isSeed: isSeed, announced: now)
        torrents[key] = peers
        return true
    }

    /// Some of the peers, chosen at random.
    package func peers(
        of infoHash: InfoHash,
        isIPv6: Bool,
        excludesSeeds: Bool = false,
        count: Int,
        using generator: inout some RandomNumberGenerator
    ) -> [PeerAddress] {
        let peers = torrents[Key(infoHash: infoHash, isIPv6: isIPv6)] ?? [:]
        return
            peers.values.filter { !excludesSeeds || !$0.isSeed }.map(\.address)
            // The order of a dictionary differs from run to run; that of a seed must not.
            .sorted { $0.compact.lexicographicallyPrecedes($1.compact) }
            .shuffled(using: &generator)
            .prefix(count).map { $0 }
    }

    /// Who has announced, as BEP 33 counts it; `nil` if nobody has.
    package func filters(of infoHash: InfoHash) -> (seeds: BloomFilter, leechers: BloomFilter)? {
        var seeds = BloomFilter()
        var leechers = BloomFilter()
        var isKnown = false
        for isIPv6 in [false, true] {
            for (host, entry) in torrents[Key(infoHash: infoHash, isIPv6: isIPv6)] ?? [:] {
                isKnown = true
                if entry.isSeed { seeds.insert(host: host) } else { leechers.insert(host: host) }
            }
        }
        return isKnown ? (seeds, leechers) : nil
    }

    package mutating func expire(now: Instant) {
        for (key, peers) in torrents {
            let alive = peers.filter { now < $0.value.announced.advanced(by: Self.lifetime) }
            guard alive.count != peers.count else { continue }
            torrents[key] = alive.isEmpty ? nil : alive
        }
    }
}
