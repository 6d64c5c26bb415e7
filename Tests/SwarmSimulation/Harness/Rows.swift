import TorrentLogic

extension Row {
    /// The whole table.
    package static let all: [Row] =
        [a, b, steps(a), steps(b), warm, faulty, stallers, liars, leavers, chokers]
        + [crowd] + [(64, "64K"), (1024, "1M")].map(crowdOfVersion1)
        + [matroska, mp4, seekStorm, single, version2]
        + [(256, "256K"), (4096, "4M"), (16384, "16M")].map(pieces) + [lossy, partial, line]

    static let mebibyte: UInt64 = 1 << 20
    /// 20 Mbit/s.
    private static let filmRate = 2.5e6
    private static let film = SimulatedTorrent(pieceLength: 1 << 20, files: [1024 * mebibyte])

    // MARK: The swarms of the comparison with libtorrent

    static let a = Row(
        "A",
        "8 seeds of 1 MB/s at 40 ms, a player at 1 MB/s that seeks four times"
    ) { generator, extent in
        swarmA(SimulatedTorrent(pieceLength: 1 << 20, files: [256 * mebibyte]), extent, &generator)
    }

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

    /// As a row of one player, but one without a buffer, which takes a piece at a time.
    private static func steps(_ row: Row) -> Row {
        Row(
            "\(row.name)-steps",
            "\(row.name), with a player that asks for each piece when it is due, and has no buffer"
        ) { generator, extent in
            var scenario = row.make(&generator, extent)
            let stepCount = UInt64(scenario.torrent.files[0].count) / mebibyte
            let places = (0..<extent.of(4, 1)).map { _ in
                UInt64.random(in: 0..<stepCount - 16, using: &generator) * mebibyte
            }
            let player = StepPlayerScript(
                byteRate: 1e6,
                places: [0] + places,
                stepCount: extent.of(12, 3)
            )
            scenario.readers = [.stepPlayer(player)]
            return scenario
        }
    }

    static let warm = Row(
        "warm",
        "A, but the peers were connected before the first READ"
    ) { generator, extent in
        var scenario = a.make(&generator, extent)
        scenario.isWarm = true
        return scenario
    }

    private static func swarmA(
        _ torrent: SimulatedTorrent,
        _ extent: Extent,
        _ generator: inout SeededGenerator
    ) -> Scenario {
        let length = UInt64(torrent.files[0].count)
        return Scenario(
            torrent: torrent,
            peers: (0..<8).map { _ in honest(1e6, 40, &generator) },
            readers: [.player(seeking(1e6, length, extent, &generator))]
        )
    }

    // MARK: Peers that fail

    static let faulty = Row(
        "faulty",
        "20 Mbit/s over three times that, of which 30 % of the peers stall, lie or leave"
    ) { generator, extent in
        unreliable(extent, &generator) { number, generator in
            [stalling, lying, leaving][number % 3](&generator)
        }
    }

    static let stallers = Row("stallers", "the same, and all 30 % stall") { generator, extent in
        unreliable(extent, &generator) { stalling(&$1) }
    }

    static let liars = Row("liars", "the same, and all 30 % lie") { generator, extent in
        unreliable(extent, &generator) { lying(&$1) }
    }

    static let leavers = Row("leavers", "the same, and all 30 % leave") { generator, extent in
        unreliable(extent, &generator) { leaving(&$1) }
    }

    static let chokers = Row(
        "chokers",
        "the same, and all 30 % choke now and then"
    ) { generator, extent in
        unreliable(extent, &generator) { _, _ in .chokes(after: .seconds(15), for: .seconds(10)) }
    }

    private static func stalling(_ generator: inout SeededGenerator) -> PeerScript.Conduct {
        .stalls(after: .seconds(Double.random(in: 0..<30, using: &generator)))
    }

    private static func lying(_ generator: inout SeededGenerator) -> PeerScript.Conduct {
        .lies(share: [1, 0.3, 0.05].randomElement(using: &generator) ?? 1)
    }

    private static func leaving(_ generator: inout SeededGenerator) -> PeerScript.Conduct {
        .leaves(after: .seconds(generator.around(10, 0.5)), awayFor: .seconds(10))
    }

    /// 20 peers of very different rates, 6 of which are not to be counted on.
    private static func unreliable(
        _ extent: Extent,
        _ generator: inout SeededGenerator,
        _ conduct: (Int, inout SeededGenerator) -> PeerScript.Conduct
    ) -> Scenario {
        var peers = mixed(20, sum: 3 * filmRate, &generator)
        for number in 0..<6 { peers[number].conduct = conduct(number, &generator) }
        peers.shuffle(using: &generator)
        let length = UInt64(film.files[0].count)
        let places = [0] + (0..<extent.of(2, 1)).map { _ in generator.place(in: length) }
        let player = PlayerScript(
            byteRate: filmRate,
            scenes: places.map { .init(offset: $0, byteCount: extent.of(48, 4) * mebibyte) }
        )
        return Scenario(torrent: film, peers: peers, readers: [.player(player)])
    }

    // MARK: Readers

    private static let library = SimulatedTorrent(
        version2: films + shortFiles(1000),
        pieceLength: 1 << 20
    )
    private static let smallLibrary = SimulatedTorrent(
        version2: films + shortFiles(20),
        pieceLength: 1 << 20
    )
    private static let films = [UInt64](repeating: 128 * mebibyte, count: 2)

    private static func shortFiles(_ count: Int) -> [UInt64] {
        [UInt64](repeating: 2 * mebibyte, count: count)
    }

    static let crowd = Row(
        "crowd",
        "two players, one that is paused, and a scanner of 1,000 files, in a torrent of v2",
        share: 0.1
    ) { generator, extent in
        crowded(extent == .full ? library : smallLibrary, extent, &generator)
    }

    private static func crowdOfVersion1(_ kibibytes: UInt32, _ name: String) -> Row {
        Row(
            "crowd-v1-\(name)",
            "the same in a torrent of v1, with pieces of \(kibibytes) KiB",
            share: 0.05
        ) { generator, extent in
            let torrent = SimulatedTorrent(
                pieceLength: kibibytes << 10,
                files: films + shortFiles(extent.of(1000, 20))
            )
            return crowded(torrent, extent, &generator)
        }
    }

    private static func crowded(
        _ torrent: SimulatedTorrent,
        _ extent: Extent,
        _ generator: inout SeededGenerator
    ) -> Scenario {
        let players = (0..<2).map { file in
            var player = PlayerScript(
                file: file,
                byteRate: 1e6,
                scenes: [.init(offset: 0, byteCount: extent.of(96, 4) * mebibyte)]
            )
            player.start = .seconds(Double.random(in: 0..<2, using: &generator))
            return player
        }
        let scanned = 2..<torrent.files.count
        var scenario = Scenario(
            torrent: torrent,
            peers: mixed(12, sum: 8e6, &generator),
            readers: players.map(ReaderScript.player)
                + [
                    .scanner(ScannerScript(files: scanned)),
                    .keepAlive(KeepAliveScript(file: 1, offset: 120 * mebibyte)),
                ]
        )
        scenario.scannedFiles = scanned
        return scenario
    }

    static let matroska = Row(
        "mkv",
        "a 20 Mbit/s film in Matroska is opened: the head, the index near the end, and back"
    ) { generator, extent in
        opened(extent, &generator) { [0..<32 << 10, $0 * 97 / 100..<$0 * 97 / 100 + 48 << 10] }
    }

    static let mp4 = Row(
        "mp4",
        "a 20 Mbit/s film in MP4 is opened: the head, the index at the end, and back"
    ) { generator, extent in
        opened(extent, &generator) { [0..<16 << 10, $0 - 2 * mebibyte..<$0] }
    }

    private static func opened(
        _ extent: Extent,
        _ generator: inout SeededGenerator,
        _ opening: (UInt64) -> [Range<UInt64>]
    ) -> Scenario {
        var player = PlayerScript(
            byteRate: filmRate,
            scenes: [.init(offset: 0, byteCount: extent.of(48, 6) * mebibyte)]
        )
        player.opening = opening(UInt64(film.files[0].count))
        return Scenario(
            torrent: film,
            peers: mixed(12, sum: 3 * filmRate, &generator),
            readers: [.player(player)]
        )
    }

    static let seekStorm = Row(
        "seek-storm",
        "over A, twenty seeks a second or less apart, then 13 MiB"
    ) { generator, extent in
        var scenario = a.make(&generator, extent)
        let length = UInt64(scenario.torrent.files[0].count)
        var scenes = (0..<extent.of(20, 6)).map { _ in
            PlayerScript.Scene(
                offset: generator.place(in: length),
                byteCount: 13 * mebibyte,
                patience: .seconds(Double.random(in: 0.1..<1, using: &generator))
            )
        }
        scenes.append(
            .init(offset: generator.place(in: length), byteCount: extent.of(13, 3) * mebibyte)
        )
        scenario.readers = [.player(PlayerScript(byteRate: 1e6, scenes: scenes))]
        return scenario
    }

    // MARK: Swarms

    static let single = Row(
        "single",
        "one seed of 4 MB/s at 30 ms, a player at 1 MB/s that seeks four times"
    ) { generator, extent in
        var scenario = a.make(&generator, extent)
        scenario.peers = [honest(4e6, 30, &generator)]
        return scenario
    }

    private static let version2Film = SimulatedTorrent(
        version2: [256 * mebibyte],
        pieceLength: 4 << 20
    )

    static let version2 = Row(
        "v2",
        "A, with a torrent of v2 in pieces of 4 MiB"
    ) { generator, extent in swarmA(version2Film, extent, &generator) }

    private static func pieces(_ kibibytes: UInt32, _ name: String) -> Row {
        Row("pieces-\(name)", "A, with pieces of \(kibibytes) KiB") { generator, extent in
            swarmA(
                SimulatedTorrent(pieceLength: kibibytes << 10, files: [256 * mebibyte]),
                extent,
                &generator
            )
        }
    }

    static let lossy = Row(
        "lossy",
        "16 seeds of 500 kB/s at 120 ms that lose one packet in 200"
    ) { generator, extent in
        var scenario = a.make(&generator, extent)
        scenario.peers = (0..<16).map { _ in
            var peer = honest(500e3, 120, &generator)
            peer.loss = 0.005
            peer.jitter = 0.3
            return peer
        }
        return scenario
    }

    static let partial = Row(
        "partial",
        "16 peers of 500 kB/s at 40 ms that have half of the pieces each"
    ) { generator, extent in
        var scenario = a.make(&generator, extent)
        // One that has all, so that every piece exists.
        scenario.peers = (0..<16).map { number in
            var peer = honest(500e3, 40, &generator)
            peer.share = number == 0 ? 1 : 0.5
            return peer
        }
        return scenario
    }

    static let line = Row(
        "line",
        "20 Mbit/s over a line of twice that, which is less than what the peers send"
    ) { generator, extent in
        var scenario = opened(extent, &generator) { _ in [] }
        scenario.peers = mixed(20, sum: 12 * filmRate, &generator)
        scenario.lineRate = 2 * filmRate
        return scenario
    }
}
