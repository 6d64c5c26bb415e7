import BitTorrentProtocol
import StateStore
import Testing
import VirtualTree

@Suite struct StoredRouteTests {
    typealias Time = FileAttributes.Timestamp

    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    func ledger(_ store: StateStore, now: UInt32) throws -> RouteLedger {
        RouteLedger(
            routes: try store.routes(),
            entries: try store.routeEntries(),
            now: Time(seconds: now)
        )
    }

    @Test func theTreeIsTheSameAfterARestart() throws {
        let film = FakeContent(1, singleFileInfo(name: "film.mkv", length: 10))
        let other = FakeContent(2, singleFileInfo(name: "film.mkv", length: 20))
        func route(_ contents: [FakeContent]) -> Library.Route {
            Library.Route(
                name: Array("films".utf8),
                members: contents.map { Library.Member(content: $0, creationDate: nil) }
            )
        }
        func run(_ contents: [FakeContent], now: UInt32) throws -> [[String]] {
            let store = try StateStore(directory: directory.path)
            let library = Library(
                ledger: try ledger(store, now: now),
                layouts: LayoutShelf(store: store),
                cachedBytes: { 0 }
            )
            try library.show([route(contents)], now: Time(seconds: now)) {
                try store.record(routes: $0.routes, entries: $0.entries)
            }
            let films = try #require(library.root.directory("films"))
            return [["\(library.root.attributes)"], ["\(films.attributes)"]]
                + films.entries(after: 0, limit: .max).map { entry in
                    [
                        "\(entry.cookie)", String(decoding: entry.name, as: UTF8.self),
                        "\(entry.attributes)",
                    ]
                }
        }
        let first = try run([film, other], now: 200)
        #expect(first.count == 4)
        #expect(try run([other, film], now: 300) == first)
        #expect(try run([other], now: 400).count == 3)
    }
}
