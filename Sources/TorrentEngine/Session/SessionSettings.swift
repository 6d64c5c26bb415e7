import Synchronization
package import TorrentLogic

/// What of a session may change while it runs.
package struct SessionSettings: Equatable, Sendable {
    /// Limits of all torrents together.
    package var rates = TransferRates()
    /// Limits of each torrent that has none of its own.
    package var ratesPerTorrent = TransferRates()
    /// Connections of a torrent at most.
    package var peersPerTorrent = SwarmLimits().maximumPeers
    /// What all torrents together may have.
    package var connections = ConnectionLimits()

    /// Bytes of the cache on the disk; `nil` for no limit.
    package var cacheLimit: UInt64?
    /// Bytes of the cache that torrents of a group may have on the disk, by the group's name.
    package var cacheQuotas: [String: UInt64] = [:]

    package init() {}

    var quotas: [CacheBudget.Group: UInt64] {
        Dictionary(uniqueKeysWithValues: cacheQuotas.map { (CacheBudget.Group($0), $1) })
    }
}

/// The settings as they stand, for whoever is made next.
final class PublishedSettings: Sendable {
    private let settings: Mutex<SessionSettings>

    init(_ settings: SessionSettings) { self.settings = Mutex(settings) }

    var current: SessionSettings { settings.withLock { $0 } }

    func replace(with new: SessionSettings) { settings.withLock { $0 = new } }
}
