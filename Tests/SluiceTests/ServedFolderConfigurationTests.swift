import Testing
import TorrentEngine

@testable import sluice

/// `serve_folder` and its options.
@Suite struct ServedFolderConfigurationTests {
    private func folders(_ entry: String) throws -> [ServedFolder] {
        try Configuration(
            yaml: "routes: [{name: a, torrents: [{\(entry)}]}]",
            file: "c.yaml"
        ).resolvingPaths(from: "/srv").routes.flatMap(\.servedFolders)
    }

    @Test func readsAFolderAndItsOptions() throws {
        #expect(
            try folders("serve_folder: ./my films")
                == [ServedFolder(path: "/srv/my films", name: "my films")]
        )
        var folder = ServedFolder(path: "/films", name: "Films")
        folder.trackers = ["http://a/announce", "udp://b:1"]
        folder.isPrivate = true
        folder.pieceLength = 1 << 20
        let entry = """
            serve_folder: /films, name: Films, private: true, piece_length: 1048576, \
            trackers: ["http://a/announce", "udp://b:1"]
            """
        #expect(try folders(entry) == [folder])
        folder.pieceLength = nil
        #expect(
            try folders(entry.replacing("1048576", with: "auto")) == [folder]
        )
    }

    @Test(arguments: [
        "serve_folder: /", "serve_folder: a, piece_length: 1000",
        "serve_folder: a, piece_length: 8192",
        "serve_folder: a, trackers: x", "serve_folder: a, trackers: [\"ftp://x\"]",
        "serve_folder: a, private: maybe", "serve_folder: a, magnet: \"magnet:?\"",
        "torrent_path: a, private: true", "name: a", "torrent_folder: a, name: b",
    ])
    func refusesWhatIsWrong(entry: String) {
        #expect(throws: ConfigurationError.self) { try folders(entry) }
    }

    @Test func aFolderIsServedOnce() {
        #expect(throws: ConfigurationError.self) {
            try Configuration(
                yaml: """
                    routes:
                      - {name: a, torrents: [{serve_folder: x}]}
                      - {name: b, torrents: [{serve_folder: x, private: true}]}
                    """,
                file: "c.yaml"
            )
        }
    }
}
