import BitTorrentProtocol
import StateStore
import Testing
import TorrentEngine
import VirtualTree

@Suite struct StoredPathsTests {
    typealias Time = FileAttributes.Timestamp

    private let film = FakeContent(1, singleFileInfo(name: "film.mkv", length: 1000))
    private let series = FakeContent(
        2,
        torrentInfo(
            name: "series",
            files: [
                (["1", "a"], 10), (["note"], 10), (["1", "b"], 10), (["1", "extra", "c"], 10),
                (["2", "a"], 10),
            ]
        )
    )
    private let directory: TemporaryDirectory
    private let store: StateStore
    private let library: Library

    init() throws {
        directory = try TemporaryDirectory()
        let store = try StateStore(directory: directory.path)
        self.store = store
        library = Library(
            ledger: RouteLedger(routes: [], entries: [], now: Time(seconds: 1)),
            layouts: LayoutShelf(store: store),
            cachedBytes: { 0 }
        )
        try show(["films": [film, series], "others": [series]])
    }

    private func show(_ routes: [String: [FakeContent]]) throws {
        let shown = routes.sorted { $0.key < $1.key }.map { name, contents in
            Library.Route(
                name: Array(name.utf8),
                members: contents.map { Library.Member(content: $0, creationDate: nil) }
            )
        }
        try library.show(shown, now: Time(seconds: 2)) { changes in
            try store.record(routes: changes.routes, entries: changes.entries)
        }
    }

    private func parts(_ path: String) throws -> [StoredPaths.Part] {
        try StoredPaths(store: store).parts(at: path.split(separator: "/").map { Array($0.utf8) })
    }

    @Test func aRouteIsItsTorrents() throws {
        #expect(try parts("films").map(\.path) == ["films/film.mkv", "films/series"])
        #expect(try parts("films").map(\.infoHash) == [film.infoHash, series.infoHash])
        #expect(try parts("").map(\.path).count == 3)
        #expect(try parts("nothing").isEmpty)
    }

    @Test(
        arguments: [
            ("films/film.mkv", nil), ("films/series", nil), ("others/series/1", [0...0, 2...3]),
            ("films/series/1/extra", [3...3]), ("films/series/2/a", [4...4]),
        ] as [(String, [ClosedRange<Int>]?)]
    )
    func aPathIsTheFilesBelowIt(_ path: String, _ files: [ClosedRange<Int>]?) throws {
        let found = try parts(path)
        #expect(found.count == 1)
        #expect(found.first?.files == files)
    }

    @Test(arguments: [
        "films/nothing", "films/film.mkv/x", "films/series/1/nothing", "films/series/note/x",
        "others/film.mkv",
    ])
    func whatIsNotThereIsNothing(_ path: String) throws { #expect(try parts(path).isEmpty) }

    @Test func whatIsShownNoLongerIsNothing() throws {
        try show(["films": [film]])
        #expect(try parts("films/series").isEmpty)
        #expect(try parts("others/series").isEmpty)
        #expect(try parts("").map(\.path) == ["films/film.mkv"])
    }
}
