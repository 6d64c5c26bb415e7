import NFSExposure
import TorrentEngine
import Yams

extension Configuration {
    /// Reads the text of a configuration file; what it does not mention has its default.
    ///
    /// - Parameter file: the name that messages begin with.
    init(yaml: String, file: String) throws(ConfigurationError) {
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch {
            throw ConfigurationError(file: file, problems: [Self.problem(error)])
        }
        self.init()
        guard let node else { return }
        var reader = ConfigurationReader()
        let top = reader.mapping(
            node,
            "the configuration",
            keys: [
                "state_directory", "cache_directory", "cache_size", "log_level",
                "folder_scan_seconds", "nfs",
                "bittorrent", "rates", "dht", "local_discovery", "proxy", "routes",
            ]
        )
        reader.path(top["state_directory"], "state_directory") { stateDirectory = $0 }
        reader.path(top["cache_directory"], "cache_directory") { cacheDirectory = $0 }
        reader.cacheSize(top["cache_size"], "cache_size") { cacheSize = $0 }
        reader.choice(top["log_level"], "log_level") { logLevel = $0 }
        reader.integer(top["folder_scan_seconds"], "folder_scan_seconds", 1...86_400) {
            folderScanSeconds = $0
        }
        if let node = top["nfs"] { nfs = NFS(node, &reader) }
        if let node = top["bittorrent"] { bitTorrent = BitTorrent(node, &reader) }
        if let node = top["rates"] { rates = Rates(node, &reader) }
        if let node = top["dht"] { dht = DHT(node, &reader) }
        reader.boolean(top["local_discovery"], "local_discovery") {
            findsPeersOnLocalNetwork = $0
        }
        if let node = top["proxy"] { proxy = Proxy(node, &reader) }
        if let node = top["routes"] { routes = Self.routes(node, &reader) }
        guard reader.problems.isEmpty else {
            throw ConfigurationError(file: file, problems: reader.problemsInOrder)
        }
    }

    private static func problem(_ error: any Error) -> ConfigurationError.Problem {
        switch error {
        case YamlError.scanner(_, let problem, let mark, _),
            YamlError.parser(_, let problem, let mark, _),
            YamlError.composer(_, let problem, let mark, _):
            ConfigurationError.Problem(
                line: mark.line,
                message: "this is not YAML: \(problem); correct the line"
            )
        case YamlError.duplicatedKeysInMapping(let keys, let context):
            ConfigurationError.Problem(
                line: context.mark.line,
                message: "\(keys.map { "\($0)" }.joined(separator: ", ")) stands twice; "
                    + "delete one"
            )
        default:
            ConfigurationError.Problem(
                line: nil,
                message: "this is not YAML: \(error); correct the file"
            )
        }
    }

    private static func routes(_ node: Node, _ reader: inout ConfigurationReader) -> [Route] {
        var routes: [Route] = []
        for node in reader.list(node, "routes") {
            guard let route = Route(node, &reader) else { continue }
            if routes.contains(where: { $0.name == route.name }) {
                reader.report(node, "there is another route “\(route.name)”; rename one of them")
            } else {
                routes.append(route)
            }
        }
        reportFoldersServedTwice(routes, node, &reader)
        if routes.count(where: \.isDemo) > 1 {
            reader.report(node, "more than one route has “demo: true”; keep one of them")
        }
        return routes
    }

    private static func reportFoldersServedTwice(
        _ routes: [Route],
        _ node: Node,
        _ reader: inout ConfigurationReader
    ) {
        var paths: Set<String> = []
        for folder in routes.flatMap(\.servedFolders)
        where !paths.insert(folder.path).inserted {
            reader.report(node, "serve_folder has “\(folder.path)” twice; keep one of them")
        }
    }
}

extension Configuration.NFS {
    fileprivate init(_ node: Node, _ reader: inout ConfigurationReader) {
        self.init()
        let keys = reader.mapping(
            node,
            "nfs",
            keys: ["address", "port", "root", "exports", "handle_key", "rpcbind", "portmapper"]
        )
        reader.address(keys["address"], "nfs: address") { address = $0 }
        reader.integer(keys["port"], "nfs: port", 1...65_535) { port = $0 }
        reader.string(keys["root"], "nfs: root") { value, reader in
            let parts = value.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            let isPath =
                value.hasPrefix("/") && value.utf8.count <= 1024
                && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
            if isPath { root = value }
            return isPath
                ? nil : "must be an absolute path such as /torrents, without a final slash"
        }
        reader.path(keys["exports"], "nfs: exports") { exports = $0 }
        reader.string(keys["handle_key"], "nfs: handle_key") { value, _ in
            handleKey = Self.key(hex: value)
            // It is a secret, and so not repeated.
            return handleKey == nil
                ? "must be 32 hexadecimal digits; “openssl rand -hex 16” makes some" : nil
        }
        reader.boolean(keys["rpcbind"], "nfs: rpcbind") { usesRPCBind = $0 }
        reader.boolean(keys["portmapper"], "nfs: portmapper") { startsPortmapper = $0 }
    }
}

extension Configuration.NFS {
    private static func key(hex: String) -> [UInt8]? {
        let digits = hex.compactMap(\.hexDigitValue)
        guard digits.count == 2 * FileHandleCodec.keyByteCount, digits.count == hex.utf8.count
        else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(digits[$0] << 4 | digits[$0 + 1])
        }
    }
}

extension Configuration.BitTorrent {
    fileprivate init(_ node: Node, _ reader: inout ConfigurationReader) {
        self.init()
        let keys = reader.mapping(
            node,
            "bittorrent",
            keys: [
                "address", "port", "port_tries", "port_mapping", "peers_per_torrent", "connections",
                "connections_per_address", "dials_at_once", "dials_per_second", "idle_seconds",
                "seed_ratio", "seed_minutes", "encryption", "utp", "allow_loopback", "ip_filter",
            ]
        )
        reader.string(keys["address"], "bittorrent: address") { value, _ in
            guard BindPlace(value).isWellFormed else {
                return "is “\(value)”; it must be a numeric address such as 0.0.0.0 or ::, and may "
                    + "name an interface behind it, such as ::%wg0"
            }
            address = value
            return nil
        }
        reader.integer(keys["port"], "bittorrent: port", 1...65_535) { port = $0 }
        reader.integer(keys["port_tries"], "bittorrent: port_tries", 1...1000) { portTries = $0 }
        reader.boolean(keys["port_mapping"], "bittorrent: port_mapping") { mapsPort = $0 }
        reader.integer(keys["peers_per_torrent"], "bittorrent: peers_per_torrent", 1...1000) {
            peersPerTorrent = $0
        }
        reader.integer(keys["connections"], "bittorrent: connections", 1...50_000) {
            connections = $0
        }
        reader.integer(
            keys["connections_per_address"],
            "bittorrent: connections_per_address",
            1...1000
        ) { connectionsPerAddress = $0 }
        reader.integer(keys["dials_at_once"], "bittorrent: dials_at_once", 1...1000) {
            dialsAtOnce = $0
        }
        reader.integer(keys["dials_per_second"], "bittorrent: dials_per_second", 1...1000) {
            dialsPerSecond = $0
        }
        reader.path(keys["ip_filter"], "bittorrent: ip_filter") { ipFilter = $0 }
        reader.integer(keys["idle_seconds"], "bittorrent: idle_seconds", 1...86_400) {
            idleSeconds = $0
        }
        reader.decimal(keys["seed_ratio"], "bittorrent: seed_ratio", 0...1000) { seedRatio = $0 }
        reader.integer(keys["seed_minutes"], "bittorrent: seed_minutes", 0...5_256_000) {
            seedMinutes = $0
        }
        reader.choice(keys["encryption"], "bittorrent: encryption") { encryption = $0 }
        reader.boolean(keys["utp"], "bittorrent: utp") { usesUTP = $0 }
        reader.boolean(keys["allow_loopback"], "bittorrent: allow_loopback") {
            allowsLoopback = $0
        }
    }
}

extension Configuration.Rates {
    fileprivate init(_ node: Node, _ reader: inout ConfigurationReader) {
        self.init()
        let keys = reader.mapping(
            node,
            "rates",
            keys: ["download", "upload", "download_per_torrent", "upload_per_torrent"]
        )
        // A second's worth of a terabit.
        let range = 0...1_000_000_000_000
        reader.integer(keys["download"], "rates: download", range) { download = $0 }
        reader.integer(keys["upload"], "rates: upload", range) { upload = $0 }
        reader.integer(keys["download_per_torrent"], "rates: download_per_torrent", range) {
            downloadPerTorrent = $0
        }
        reader.integer(keys["upload_per_torrent"], "rates: upload_per_torrent", range) {
            uploadPerTorrent = $0
        }
    }
}

extension Configuration.DHT {
    fileprivate init(_ node: Node, _ reader: inout ConfigurationReader) {
        self.init()
        let keys = reader.mapping(node, "dht", keys: ["enabled", "read_only", "bootstrap"])
        reader.boolean(keys["enabled"], "dht: enabled") { isEnabled = $0 }
        reader.boolean(keys["read_only"], "dht: read_only") { isReadOnly = $0 }
        guard let list = keys["bootstrap"] else { return }
        bootstrap = []
        for node in reader.list(list, "dht: bootstrap") {
            reader.string(node, "dht: bootstrap") { value, _ in
                guard BootstrapName(value) != nil else {
                    return "has “\(value)”; each must be a host and a UDP port, such as "
                        + "router.example.org:6881"
                }
                bootstrap.append(value)
                return nil
            }
        }
    }
}

extension Configuration.Route {
    fileprivate init?(_ node: Node, _ reader: inout ConfigurationReader) {
        let keys = reader.mapping(
            node,
            "a route",
            keys: ["name", "demo", "seed", "pin", "cache_size", "torrents"]
        )
        var given: String?
        reader.routeName(keys["name"]) { given = $0 }
        if keys["name"] == nil { reader.report(node, "a route needs a name; write “name: films”") }
        guard let given else { return nil }
        self.init(name: given)
        reader.boolean(keys["demo"], "demo") { isDemo = $0 }
        if case .sequence? = keys["pin"] {
            pinned = reader.pathsInRoute(keys["pin"], "pin")
            wishes = TorrentWishes(keys.filter { $0.key != "pin" }, &reader)
        } else {
            wishes = TorrentWishes(keys, &reader)
        }
        reader.cacheSize(keys["cache_size"], "cache_size") { cacheSize = $0 == 0 ? nil : $0 }
        guard let list = keys["torrents"] else { return }
        if isDemo {
            reader.report(list, "a route with “demo: true” takes no torrents; make another route")
        }
        torrents = reader.list(list, "torrents").compactMap { .init($0, &reader) }
    }
}

extension TorrentWishes {
    fileprivate init(_ keys: [String: Node], _ reader: inout ConfigurationReader) {
        self = []
        var isWished = false
        reader.boolean(keys["seed"], "seed") { isWished = $0 }
        if isWished { insert(.seed) }
        isWished = false
        reader.boolean(keys["pin"], "pin") { isWished = $0 }
        if isWished { insert(.pin) }
    }
}

extension Configuration.Entry {
    fileprivate init?(_ node: Node, _ reader: inout ConfigurationReader) {
        let known = Configuration.Source.keys + ["seed", "pin"]
        let keys = reader.mapping(node, "a torrent", keys: known)
        let wishes = TorrentWishes(keys, &reader)
        guard let source = Configuration.Source(node, keys, &reader) else { return nil }
        self.init(source: source, wishes: wishes)
    }
}
