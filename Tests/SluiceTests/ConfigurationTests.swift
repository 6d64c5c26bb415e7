import Foundation
import Testing
import TorrentEngine

@testable import sluice

@Suite struct ConfigurationTests {
    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    func shipped() throws -> String {
        try String(contentsOf: Self.root.appending(path: "config.yaml"), encoding: .utf8)
    }

    func problems(_ yaml: String) -> [String] {
        do {
            _ = try Configuration(yaml: yaml, file: "c.yaml")
            return []
        } catch {
            return error.description.split(separator: "\n").map(String.init)
        }
    }

    @Test func theShippedFileSaysTheDefaults() throws {
        var configuration = try Configuration(yaml: try shipped(), file: "config.yaml")
        #expect(configuration.routes.map(\.name) == ["free-movies", "demo"])
        #expect(configuration.routes.map(\.isDemo) == [false, true])
        #expect(configuration.routes[0].torrents.count == 4)
        configuration.routes = []
        #expect(configuration == Configuration())
    }

    @Test func theShippedFileNamesEveryKey() throws {
        let text = try shipped()
        for key in [
            "state_directory", "cache_directory", "cache_size", "pin", "seed", "log_level",
            "folder_scan_seconds", "address",
            "port", "root", "exports", "rpcbind", "peers_per_torrent", "connections",
            "connections_per_address", "dials_at_once", "dials_per_second", "ip_filter", "rates",
            "download", "upload", "download_per_torrent", "upload_per_torrent", "encryption",
            "utp", "allow_loopback", "dht", "enabled", "bootstrap", "local_discovery",
            "torrent_path", "torrent_folder", "magnet", "demo", "serve_folder", "read_only",
            "trackers",
            "private", "piece_length",
        ] {
            #expect(text.contains("\(key):"), "config.yaml does not show \(key)")
        }
    }

    @Test func oneLineRemovesTheDemo() throws {
        let lines = try shipped().split(separator: "\n", omittingEmptySubsequences: false)
        let kept = lines.filter { !$0.contains("demo: true") }
        #expect(kept.count == lines.count - 1)
        let configuration = try Configuration(
            yaml: kept.joined(separator: "\n"),
            file: "config.yaml"
        )
        #expect(configuration.routes.map(\.name) == ["free-movies"])
    }

    @Test func aRouteMayPinPathsAndHaveAPartOfTheCache() throws {
        let yaml = """
            routes:
              - name: films
                pin: [ "Metropolis/film.mkv", Nosferatu ]
                seed: true
                cache_size: 33554432
              - name: series
                pin: true
                cache_size: 0
            """
        let routes = try Configuration(yaml: yaml, file: "c.yaml").routes
        #expect(routes.map(\.pinned) == [["Metropolis/film.mkv", "Nosferatu"], []])
        #expect(routes.map(\.wishes) == [.seed, .pin])
        #expect(routes.map(\.cacheSize) == [32 << 20, nil])
    }

    @Test(arguments: [
        ("pin: [/films]", "pin has “/films”"), ("pin: [a//b]", "pin has “a//b”"),
        ("pin: [../x]", "pin has “../x”"), ("pin: [[a]]", "pin must be a text"),
        ("pin: yes", "pin is “yes”; it must be true or false"),
        ("pin: {a: b}", "pin must be a text"), ("cache_size: 5", "cache_size is “5”"),
        ("quota: 5", "unknown key “quota” in a route"),
    ])
    func refusesWrongPinsAndParts(_ line: String, _ problem: String) {
        let found = problems("routes:\n  - name: films\n    \(line)\n")
        #expect(found.count == 1 && found[0].hasPrefix("c.yaml:3: \(problem)"), "\(found)")
    }

    @Test func anEmptyFileIsTheDefaults() throws {
        #expect(try Configuration(yaml: "", file: "c.yaml") == Configuration())
        #expect(try Configuration(yaml: "nfs:\n# nothing\n", file: "c.yaml") == Configuration())
        #expect(try Configuration(yaml: "cache_directory: null", file: "c.yaml") == Configuration())
    }

    @Test func readsTheKeyOfFileHandles() throws {
        let yaml = "nfs: {handle_key: 000102030405060708090A0b0c0d0e0f}"
        let key = try Configuration(yaml: yaml, file: "c.yaml").nfs.handleKey
        #expect(key == Array(0...15))
    }

    @Test(arguments: ["0", "000102030405060708090a0b0c0d0e0g", "٠0010203040506070809٠a0b0c0d0e0f"])
    func doesNotRepeatAKeyThatIsNone(text: String) {
        let found = problems("nfs: {handle_key: \(text)}")
        #expect(found.count == 1 && !found[0].contains(text) && found[0].contains("openssl"))
    }

    @Test(arguments: ["prefer", "require", "disable"])
    func readsThePolicyOfEncryption(policy: String) throws {
        let yaml = "bittorrent: { encryption: \(policy) }"
        let configuration = try Configuration(yaml: yaml, file: "c.yaml")
        #expect("\(configuration.bitTorrent.encryption)" == policy)
    }

    @Test func readsAProxyThatLeaksNothingUnlessAllowed() throws {
        let yaml = "proxy: {type: socks5, host: 192.0.2.1, user: a, password: b}"
        let proxy = try Configuration(yaml: yaml, file: "c.yaml").proxy
        #expect(proxy.kind == .socks5)
        #expect(proxy.host == "192.0.2.1")
        #expect(proxy.port == 1080)
        #expect(proxy.leaksNothing)
        let open = "proxy: {type: http, host: proxy.example, port: 3128, no_leak: false}"
        #expect(try !Configuration(yaml: open, file: "c.yaml").proxy.leaksNothing)
        #expect(try Configuration(yaml: "proxy: {}", file: "c.yaml") == Configuration())
    }

    @Test func refusesAnotherPolicyOfEncryption() {
        #expect(
            problems("bittorrent: { encryption: always }") == [
                "c.yaml:1: bittorrent: encryption is “always”; it must be one of "
                    + "prefer, require, disable"
            ]
        )
    }

    @Test func readsWhetherTheDHTNodeAnswers() throws {
        let configuration = try Configuration(yaml: "dht: { read_only: true }", file: "c.yaml")
        #expect(configuration.dht.isReadOnly)
    }

    @Test func readsRoutes() throws {
        let configuration = try Configuration(
            yaml: """
                routes:
                  - name: films
                    torrents:
                      - torrent_path: a.torrent
                      - torrent_folder: /srv/torrents
                      - magnet: "magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10"
                  - { name: empty }
                """,
            file: "c.yaml"
        ).resolvingPaths(from: "/etc/sluice")
        #expect(
            configuration.routes == [
                Configuration.Route(
                    name: "films",
                    torrents: [
                        .file(path: "/etc/sluice/a.torrent"), .folder(path: "/srv/torrents"),
                        .magnet("magnet:?xt=urn:btih:08ada5a7a6183aae1e09d831df6748d566095a10"),
                    ]
                ),
                Configuration.Route(name: "empty"),
            ]
        )
        #expect(configuration.stateDirectory == "/etc/sluice/sluice-data")
        #expect(configuration.cachePath == "/etc/sluice/sluice-data/cache")
        #expect(configuration.nfs.exports == "/etc/sluice/exports")
    }

    @Test func namesEveryFaultWithItsLine() {
        let found = problems(
            """
            state_dir: x
            nfs:
              port: 70000
              address: localhost
              root: torrents/
            log_level: loud
            routes:
              - name: a/b
              - torrents: []
              - name: c
                torrents:
                  - torrent_path: x
                    magnet: y
                  - magnet: http://x
              - name: d
                demo: yes
            """
        )
        #expect(
            found.map { String($0.prefix { $0 != " " }) } == [
                "c.yaml:1:", "c.yaml:3:", "c.yaml:4:", "c.yaml:5:", "c.yaml:6:", "c.yaml:8:",
                "c.yaml:9:", "c.yaml:12:", "c.yaml:14:", "c.yaml:16:",
            ]
        )
        #expect(found.first?.contains("known are state_directory") == true)
    }

    @Test(arguments: [
        "a: [", "nfs:\n  port: 1\n  port: 2", "- a", "routes: 5", "nfs: 2049", "routes:\n  - 5",
        "\tx: y", "routes:\n  - {name: a}\n  - {name: a}",
        "routes:\n  - {name: a, demo: true}\n  - {name: b, demo: true}",
        "routes:\n  - {name: a, demo: true, torrents: []}", "nfs: {port: \"\"}",
        "nfs: {rpcbind: maybe}", "state_directory: [x]", "*x",
        "proxy: {type: socks5}", "proxy: {type: ftp, host: a}", "proxy: {type: http, host: a b}",
        "proxy: {type: http, host: a, user: x}",
        "proxy: {type: http, host: a, user: 'x:y', password: z}", "routes:\n  - {name: ..}",
    ])
    func refusesWhatIsWrong(yaml: String) {
        let found = problems(yaml)
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.hasPrefix("c.yaml:") }, "\(found)")
    }

    @Test func anyBytesAreReadOrRefused() {
        let seed = (try? shipped()) ?? ""
        var state: UInt64 = 7
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0..<300 {
            var bytes = Array(seed.utf8)
            for _ in 0..<next(5) + 1 {
                bytes[next(bytes.count)] = Array(":-{}[]#&*\n \"'|>%@`x0".utf8)[next(20)]
            }
            _ = problems(String(decoding: bytes, as: UTF8.self))
        }
    }
}
