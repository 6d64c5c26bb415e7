import TorrentEngine

/// What `config.yaml` says: one value, made whole or not at all.
///
/// The initial values are the defaults; the shipped `config.yaml` repeats each of them, with its
/// unit and its reason, and a test holds the two together. Paths are as the file has them until
/// ``resolvingPaths(from:)``.
struct Configuration: Equatable, Sendable {
    var stateDirectory = "./sluice-data"
    /// `nil` means the directory `cache` in the state directory.
    var cacheDirectory: String?
    /// Bytes; 0 for no limit.
    var cacheSize = 2 << 30
    var logLevel = LogLevel.info
    /// Seconds between two looks into the torrent folders.
    var folderScanSeconds = 5
    var nfs = NFS()
    var bitTorrent = BitTorrent()
    var rates = Rates()
    var dht = DHT()
    var findsPeersOnLocalNetwork = true
    var proxy = Proxy()
    var routes: [Route] = []

    enum LogLevel: String, CaseIterable, Sendable {
        case debug, info, warning, error
    }

    struct NFS: Equatable, Sendable {
        var address = "127.0.0.1"
        var port = 2049
        /// The path that clients mount to see all routes.
        var root = "/torrents"
        var exports = "./exports"
        /// 16 bytes; `nil` for those that are in the state directory.
        var handleKey: [UInt8]?
        var usesRPCBind = true
        /// Whether port 111 is answered if nobody else does.
        var startsPortmapper = true
    }

    struct BitTorrent: Equatable, Sendable {
        /// `::` is every address of both families.
        var address = "::"
        var port = 6881
        /// Ports that are tried from `port` on.
        var portTries = 9
        var peersPerTorrent = 50
        var connections = 500
        var connectionsPerAddress = 3
        var dialsAtOnce = 60
        var dialsPerSecond = 20
        /// A file of address ranges that are not spoken with.
        var ipFilter: String?
        /// Seconds until a torrent that nobody uses goes cold.
        var idleSeconds = 600
        /// `nil` for no limit.
        var seedRatio: Double?
        var seedMinutes: Int?
        /// Whether the gateway is asked to let connections in to the port.
        var mapsPort = true
        var encryption = EncryptionPolicy.prefer
        /// Whether peers are reached by uTP as well as by TCP.
        var usesUTP = true
        /// Whether trackers, web seeds and peers that a torrent names may be on this machine.
        var allowsLoopback = false
    }

    /// Payload in bytes a second; 0 is no limit.
    struct Rates: Equatable, Sendable {
        var download = 0
        var upload = 0
        var downloadPerTorrent = 0
        var uploadPerTorrent = 0
    }

    struct DHT: Equatable, Sendable {
        var isEnabled = true
        /// Whether the node asks and never answers.
        var isReadOnly = false
        /// Where the DHT is entered while no node is known.
        var bootstrap = [
            "router.bittorrent.com:6881", "dht.transmissionbt.com:6881",
            "router.utorrent.com:6881",
        ]
    }

    /// Through which others are reached.
    struct Proxy: Equatable, Sendable {
        enum Kind: String, CaseIterable, Sendable {
            case none, socks5, http
        }

        var kind = Kind.none
        /// `nil` only without a proxy.
        var host: String?
        var port = 1080
        var user: String?
        var password: String?
        /// Whether what the proxy cannot carry is off.
        var leaksNothing = true
    }

    /// A top directory of the share.
    struct Route: Equatable, Sendable {
        var name: String
        /// Shows the sample library that the program makes and seeds itself.
        var isDemo = false
        /// What is wished of all its torrents.
        var wishes: TorrentWishes = []
        /// What is pinned besides: torrents, folders and files, by their paths in the route.
        var pinned: [String] = []
        /// Bytes of the cache that its torrents may have, within `cacheSize`; `nil` for all of it.
        var cacheSize: Int?
        var torrents: [Entry] = []

        init(name: String, isDemo: Bool = false, torrents: [Source] = []) {
            self.name = name
            self.isDemo = isDemo
            self.torrents = torrents.map { Entry(source: $0) }
        }

        var servedFolders: [ServedFolder] {
            torrents.compactMap {
                if case .served(let folder) = $0.source { folder } else { nil }
            }
        }
    }

    /// One line of a route's torrents.
    struct Entry: Equatable, Sendable {
        var source: Source
        var wishes: TorrentWishes = []
    }

    /// Where torrents of a route come from.
    enum Source: Equatable, Sendable {
        case file(path: String)
        /// All `.torrent` files below it.
        case folder(path: String)
        case magnet(String)
        /// A folder of the user that is published as a torrent.
        case served(ServedFolder)
    }

    /// The smallest limit: a window of read-ahead and as much behind it.
    static let leastCacheSize = 32 << 20

    var cachePath: String { cacheDirectory ?? "\(stateDirectory)/cache" }

    /// Makes every path absolute; relative ones start at `directory`, that of the file.
    func resolvingPaths(from directory: String) -> Configuration {
        func absolute(_ path: String) -> String { absolutePath(path, from: directory) }
        var result = self
        result.stateDirectory = absolute(stateDirectory)
        result.cacheDirectory = cacheDirectory.map(absolute)
        result.nfs.exports = absolute(nfs.exports)
        result.bitTorrent.ipFilter = bitTorrent.ipFilter.map(absolute)
        for index in routes.indices {
            for place in routes[index].torrents.indices {
                let source = routes[index].torrents[place].source
                result.routes[index].torrents[place].source =
                    switch source {
                    case .file(let path): .file(path: absolute(path))
                    case .folder(let path): .folder(path: absolute(path))
                    case .magnet: source
                    case .served(var folder):
                        {
                            folder.path = absolute(folder.path)
                            return .served(folder)
                        }()
                    }
            }
        }
        return result
    }
}

/// `path` if it begins with a slash, else the way to it from `directory`; without `./`.
func absolutePath(_ path: String, from directory: String) -> String {
    if path.hasPrefix("/") { return path }
    let parts = path.split(separator: "/").filter { $0 != "." }
    return ([directory == "/" ? "" : directory] + parts.map(String.init)).joined(separator: "/")
}
