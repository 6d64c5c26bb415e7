import BitTorrentProtocol
import TorrentEngine

/// What all routes together wish of each torrent.
struct WishedTorrents {
    private(set) var wishes: [InfoHash: TorrentWishes] = [:]
    /// Of pinned torrents of which not every file is wanted: the numbers of those that are.
    private(set) var selections: [InfoHash: [ClosedRange<Int>]] = [:]
    /// The first route of each torrent, if that has a part of the cache.
    private(set) var groups: [InfoHash: String] = [:]
    private var counted: Set<InfoHash> = []

    /// A route shows these torrents.
    mutating func show(_ infoHashes: [InfoHash], in route: Configuration.Route) {
        for infoHash in infoHashes where counted.insert(infoHash).inserted {
            if route.cacheSize != nil { groups[infoHash] = route.name }
        }
    }

    /// Adds what one entry wishes; a torrent that several pin is fetched as far as any of them says.
    ///
    /// - Parameter selection: of a magnet link (`so`, BEP 53); `nil` for every file.
    mutating func add(
        _ wished: TorrentWishes,
        of infoHash: InfoHash,
        selecting selection: [ClosedRange<Int>]?
    ) {
        guard !wished.isEmpty else { return }
        let isPinned = wishes[infoHash]?.contains(.pin) ?? false
        wishes[infoHash, default: []].formUnion(wished)
        guard wished.contains(.pin) else { return }
        if let selection, !isPinned {
            selections[infoHash] = selection
        } else if let selection, let other = selections[infoHash] {
            selections[infoHash] = (selection + other).sorted { $0.lowerBound < $1.lowerBound }
        } else {
            selections[infoHash] = nil
        }
    }
}
