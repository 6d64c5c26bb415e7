import BitTorrentProtocol
package import TorrentLogic

extension Torrent {
    /// Limits this torrent by itself, in addition to what limits all torrents together.
    package func setRates(_ rates: TransferRates) {
        pace.setRates(rates, now: .now)
        ratesChanged()
    }

    package var rates: TransferRates { pace.rates }

    /// Limits have changed: its own, or those of all torrents together.
    func ratesChanged() {
        guard !isStopped else { return }
        turn { now in holdBack(now: now) }
    }

    func holdBack(now: Swarm.Instant) {
        isPaced = false
        for direction in TransferDirection.allCases {
            let isLimited =
                pace.rates[direction] > 0 || resources.bandwidth.isLimited(direction)
            if isLimited { isPaced = true }
            swarm.setLimited(isLimited, direction, now: now)
        }
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
