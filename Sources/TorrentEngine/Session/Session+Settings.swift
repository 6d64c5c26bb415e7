package import TorrentLogic

extension Session {
    package var settings: SessionSettings { resources.settings.current }

    /// Takes new settings, at once and for every torrent.
    package func apply(_ settings: SessionSettings) {
        resources.settings.replace(with: settings)
        resources.bandwidth.setRates(settings.rates)
        resources.connections.setLimits(settings.connections)
        resources.space.setLimits(settings.cacheLimit, quotas: settings.quotas)
        for torrent in torrents {
            torrent.active?.run { $0.settingsChanged(settings) }
        }
    }

    /// Takes another list of addresses that are not spoken with, or none; connections to them end.
    package func replaceFilter(with filter: IPFilter?) {
        resources.filter.replace(with: filter)
        guard filter != nil else { return }
        for torrent in torrents { torrent.active?.run { $0.filterChanged() } }
    }
}
