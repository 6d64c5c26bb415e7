import BitTorrentProtocol
package import TorrentLogic

extension Torrent {
    /// Limits this torrent by itself, in addition to what limits all torrents together.
    ///
    /// - Parameter rates: `nil` for what the session's settings say of every torrent.
    package func setRates(_ rates: TransferRates?) {
        ownRates = rates
        settingsChanged(resources.settings.current)
    }

    package var rates: TransferRates { pace.rates }

    /// The settings of the session have changed.
    func settingsChanged(_ settings: SessionSettings) {
        guard !isStopped else { return }
        pace.setRates(ownRates ?? settings.ratesPerTorrent, now: .now)
        turn { now in
            isPaced = Self.holdBack(&swarm, pace, resources.bandwidth, now: now)
            swarm.setMaximumPeers(settings.peersPerTorrent, now: now)
        }
    }

    /// Some addresses are not to be spoken with any more.
    func filterChanged() {
        guard !isStopped else { return }
        turn { now in swarm.closeFiltered(resources.filter.allows, now: now) }
    }

    /// Tells the swarm in which directions a limit holds.
    ///
    /// - Returns: whether there is any.
    static func holdBack(
        _ swarm: inout Swarm,
        _ pace: TransferPace,
        _ bandwidth: SharedBandwidth,
        now: Swarm.Instant
    ) -> Bool {
        var isPaced = false
        for direction in TransferDirection.allCases {
            let isLimited = pace.rates[direction] > 0 || bandwidth.isLimited(direction)
            if isLimited { isPaced = true }
            swarm.setLimited(isLimited, direction, now: now)
        }
        return isPaced
    }

    /// Asks for what the swarm needs, and performs what it does with it.
    func keepPace(_ now: Swarm.Instant) {
        guard !isStopped else { return }
        pace.begin(now: now)
        for direction in TransferDirection.allCases {
            let unused = swarm.takeUnused(direction)
            if unused > 0 {
                pace.giveBack(unused, direction)
                resources.bandwidth.giveBack(unused, direction)
            }
            let granted = pace.grant(swarm.need(direction), direction, now: now) { need in
                resources.bandwidth.grant(need, direction, to: infoHash, now: now)
            }
            guard granted > 0 else { continue }
            swarm.granted(granted, direction, now: now)
            performActions()
        }
    }
}
