import TorrentLogic

extension Row {
    /// The whole table.
    package static let all: [Row] = [a, b]

    static let mebibyte: UInt64 = 1 << 20

    /// Swarm A of the comparison with libtorrent.
    static let a = Row(
        "A",
        "8 seeds of 1 MB/s at 40 ms, a player at 1 MB/s that seeks four times"
    ) { generator, extent in
        let peers = (0..<8).map { _ in honest(1e6, 40, &generator) }
        return Scenario(
            torrent: SimulatedTorrent(pieceLength: 1 << 20, files: [256 * mebibyte]),
            peers: peers,
            readers: [.player(seeking(1e6, 256 * mebibyte, extent, &generator))]
        )
    }

    /// Swarm B of the comparison with libtorrent.
    static let b = Row(
        "B",
        "8 seeds of 300 kB/s at 40 ms, 4 of 20 kB/s at 150 ms, 3 that unchoke and never send"
    ) { generator, extent in
        var peers = (0..<8).map { _ in honest(300e3, 40, &generator) }
        peers += (0..<4).map { _ in honest(20e3, 150, &generator) }
        peers += (0..<3).map { _ in
            PeerScript(rate: 300e3, latency: .milliseconds(40), conduct: .silent)
        }
        peers.shuffle(using: &generator)
        return Scenario(
            torrent: SimulatedTorrent(pieceLength: 1 << 20, files: [256 * mebibyte]),
            peers: peers,
            readers: [.player(seeking(1e6, 256 * mebibyte, extent, &generator))]
        )
    }

    // MARK: Parts

    /// A seed that does its best; half of them speak the fast extension.
    static func honest(
        _ rate: Double,
        _ milliseconds: Double,
        _ generator: inout SeededGenerator
    ) -> PeerScript {
        var script = PeerScript(
            rate: generator.around(rate),
            latency: .milliseconds(generator.around(milliseconds))
        )
        script.jitter = 0.05
        script.isFast = Bool.random(using: &generator)
        return script
    }

    /// 13 MiB from the start and from four other places, as in the comparison with libtorrent.
    static func seeking(
        _ byteRate: Double,
        _ length: UInt64,
        _ extent: Extent,
        _ generator: inout SeededGenerator
    ) -> PlayerScript {
        let places = [0] + (0..<extent.of(4, 1)).map { _ in generator.place(in: length) }
        return PlayerScript(
            byteRate: byteRate,
            scenes: places.map { .init(offset: $0, byteCount: extent.of(13, 3) * mebibyte) }
        )
    }
}
