package import PieceStorage
package import TorrentLogic

/// How a session behaves.
package struct SessionConfiguration: Sendable {
    /// Where pieces are kept.
    package var cacheDirectory: String
    /// How they are kept; `nil` to take what the file system can do.
    package var cacheLayout: CacheDirectory.Layout?
    /// Whether nothing is evicted before `setWishes` has said for the first time what is pinned.
    package var awaitsWishes = false
    /// Bytes of pieces that are kept in memory while they cannot be written.
    package var uncachedByteCount: UInt64 = 64 << 20
    /// Stands between each torrent and what it has on disk, for tests.
    package var storeLayer: PieceStoreLayer?
    /// Address on which peers are awaited, and perhaps the only interface that is used (`BindPlace`).
    package var listenHost = "0.0.0.0"
    /// TCP port on which peers are awaited; 0 takes any free one.
    package var listenPort: UInt16 = 6881
    /// Ports that are tried from `listenPort` on, if others have them.
    package var listenPortCount = 1
    /// Whether connections to peers are encrypted.
    package var encryption = EncryptionPolicy.prefer
    /// Bounds of each torrent: memory, upload slots, times; how many peers it has is in `settings`.
    package var limits = SwarmLimits()
    /// Peers asked for in an announce (`numwant`).
    package var wantedPeerCount = 100
    /// What may change while the session runs, as it is at its start.
    package var settings = SessionSettings()
    /// Whether trackers, web seeds and peers named by a torrent may be on this machine
    /// (127.0.0.0/8, ::1) or link-local.
    ///
    /// Peers given to `addPeers` always may.
    package var allowsLoopback = false
    /// Whether peers are looked for in the DHT (BEP 5), and its questions answered.
    package var usesDHT = false
    /// Whether peers are dialled and awaited by uTP (BEP 29) as well as by TCP.
    package var usesUTP = false
    /// Whether our DHT node asks others and answers nobody (BEP 43).
    package var isDHTReadOnly = false
    /// Where the DHT is entered while no node is known.
    package var dhtBootstrap: [BootstrapName] = []
    /// Time between two searches in the DHT for a torrent that a reader waits for and that few peers
    /// give.
    package var urgentSearchInterval = Duration.seconds(20)
    /// Whether peers are looked for on the local network (BEP 14).
    package var usesLocalDiscovery = false
    /// Whether the gateway is asked to let connections in to our port (PCP, NAT-PMP, UPnP).
    package var mapsPorts = false
    /// Until a torrent that nobody uses says goodbye to its peers and goes cold.
    package var idleTime = Duration.seconds(600)
    /// Torrents seed until they sent so many bytes for each they have; `nil` for no limit.
    package var seedRatio: Double?
    /// Torrents seed until they were whole and offered for so long; `nil` for no limit.
    package var seedTime: Duration?
    /// Beyond so many torrents at work the idle ones end sooner, and peers wake no others.
    package var maximumActiveTorrents = 1000
    /// Pinned torrents that are fetched at a time.
    package var maximumPinnedDownloads = 8
    /// Magnet links whose metadata is looked for at a time.
    package var maximumMagnetSearches = 50
    /// Through which others are reached; `nil` for none.
    package var proxy: ProxyConfiguration?
    /// Time for a connection to a peer to stand, and again for its handshake.
    package var connectTimeout = Duration.seconds(10)
    /// Time for an announce in all.
    package var announceTimeout = Duration.seconds(30)
    /// Time for the last announces when the session ends.
    package var farewellTimeout = Duration.milliseconds(1500)
    /// Threads that hash, write and read from a slow disk.
    package var diskThreadCount = 2

    package init(cacheDirectory: String) { self.cacheDirectory = cacheDirectory }
}
