import BitTorrentProtocol
import NIOCore
import StateStore
import Testing
import TorrentEngine
import VirtualTree

@Suite struct LibraryTests {
    typealias Time = FileAttributes.Timestamp

    let album = FakeContent(
        1,
        torrentInfo(
            name: "album",
            files: [(["cd1", "a.flac"], 100), (["cd1", "run"], 50), (["b"], 0)],
            attributes: [[], .executable]
        )
    )
    let film = FakeContent(2, singleFileInfo(name: "film.mkv", length: 1000))

    let directory: TemporaryDirectory
    let store: StateStore

    init() throws {
        directory = try TemporaryDirectory()
        store = try StateStore(directory: directory.path)
    }

    func library() -> Library {
        Library(
            ledger: RouteLedger(routes: [], entries: [], now: Time(seconds: 100)),
            layouts: LayoutShelf(store: store),
            cachedBytes: { 77 }
        )
    }

    func route(_ name: String, _ contents: [FakeContent], created: Int64? = nil) -> Library.Route {
        Library.Route(
            name: Array(name.utf8),
            members: contents.map { Library.Member(content: $0, creationDate: created) }
        )
    }

    @Test func showsRoutesTorrentsAndFiles() throws {
        let library = library()
        try library.show([route("films", [film, album])], now: Time(seconds: 200)) { _ in }
        #expect(library.root.listing == ["films"])
        let films = try #require(library.root.directory("films"))
        #expect(films.listing == ["film.mkv", "album"])
        #expect(films.file("film.mkv")?.attributes.size == 1000)
        let disc = try #require(films.directory("album")?.directory("cd1"))
        #expect(disc.listing == ["a.flac", "run"])
        #expect(disc.file("run")?.attributes.mode == 0o555)
        #expect(disc.parent.parent.id == films.id)
        #expect(films.parent.id == library.root.id)
        #expect(library.root.parent.id == library.root.id)
        #expect(films.attributes.linkCount == 3)
        #expect(films.entry(named: Array("nothing".utf8)) == nil)
        #expect(library.usage == TreeUsage(totalBytes: 1150, cachedBytes: 77, fileCount: 4))
    }

    @Test func findsEverythingAgainByItsIdentity() throws {
        let library = library()
        try library.show([route("films", [film, album])], now: Time(seconds: 200)) { _ in }
        var fileids: Set<UInt64> = []
        var stack: [any VirtualDirectory] = [library.root]
        var count = 0
        while let directory = stack.popLast() {
            guard case .directory(let same)? = library.node(directory.id) else {
                Issue.record("\(directory.id) is lost")
                continue
            }
            #expect(same.attributes == directory.attributes)
            #expect(same.listing == directory.listing)
            fileids.insert(directory.attributes.fileid)
            count += 1
            for entry in directory.entries(after: 0, limit: .max) {
                switch directory.entry(named: entry.name) {
                case nil: Issue.record("\(entry.id) is listed and not found")
                case .directory(let directory):
                    #expect(directory.id == entry.id && directory.attributes == entry.attributes)
                    stack.append(directory)
                case .file(let file):
                    #expect(file.id == entry.id && file.attributes == entry.attributes)
                    guard case .file(let same)? = library.node(file.id) else {
                        Issue.record("\(file.id) is lost")
                        continue
                    }
                    #expect(same.attributes == file.attributes)
                    fileids.insert(file.attributes.fileid)
                    count += 1
                }
            }
        }
        #expect(count == 8)
        #expect(fileids.count == count)
        #expect(fileids.allSatisfy { $0 > 0 && $0 < 1 << 63 })
    }

    @Test func whatIsGoneIsNotFound() throws {
        let library = library()
        try library.show([route("films", [film])], now: Time(seconds: 200)) { _ in }
        let file = try #require(library.root.directory("films")?.file("film.mkv"))
        try library.show([route("films", [album])], now: Time(seconds: 300)) { _ in }
        #expect(library.node(file.id) == nil)
        #expect(
            library.node(
                FileID(kind: .torrentFile, route: file.id.route, infoHash: album.infoHash, index: 3)
            )
                == nil
        )
        #expect(
            library.node(
                FileID(
                    kind: .torrentDirectory,
                    route: file.id.route,
                    infoHash: album.infoHash,
                    index: 2
                )
            )
                == nil
        )
        #expect(library.node(FileID(kind: .route, route: 1)) == nil)
        try library.show([route("films", [film])], now: Time(seconds: 400)) { _ in }
        #expect(library.node(file.id) != nil)
    }

    @Test func cookiesBelongToEntries() throws {
        let library = library()
        let numbers: Range<UInt8> = 10..<20
        let others = numbers.map { FakeContent($0, singleFileInfo(name: "f\($0)", length: 1)) }
        try library.show([route("r", others)], now: Time(seconds: 200)) { _ in }
        let before = try #require(library.root.directory("r")).entries(after: 0, limit: .max)
        let gone = [before[1], before[7]].map(\.name)
        let rest =
            zip(numbers, others).filter { !gone.contains(Array("f\($0.0)".utf8)) }
            .map(\.1) + [film]
        try library.show([route("r", rest)], now: Time(seconds: 201)) { _ in }
        let after = try #require(library.root.directory("r"))
            .entries(after: before[4].cookie, limit: .max)
        // What came may stand before that place or behind it.
        #expect(
            after.map(\.cookie).filter { before.map(\.cookie).contains($0) }
                == [before[5], before[6], before[8], before[9]].map(\.cookie)
        )
    }

    @Test func pagesThroughATorrentDirectory() throws {
        let library = library()
        let many = FakeContent(
            9,
            torrentInfo(name: "many", files: (0..<100).map { (["f\($0)"], UInt64(1)) })
        )
        try library.show([route("r", [many])], now: Time(seconds: 200)) { _ in }
        let directory = try #require(library.root.directory("r")?.directory("many"))
        var names: [[UInt8]] = []
        var cookie: UInt64 = 0
        while case let page = directory.entries(after: cookie, limit: 7), let last = page.last {
            names += page.map(\.name)
            cookie = last.cookie
        }
        #expect(names.count == 100 && Set(names).count == 100)
        #expect(directory.entries(after: .max, limit: 1).isEmpty)
        #expect(library.root.entries(after: .max, limit: 1).isEmpty)
    }

    @Test func timesComeFromTheMetainfoOrFromTheAdding() throws {
        let library = library()
        try library.show(
            [route("a", [film], created: 1_500_000_000), route("b", [film], created: -4)],
            now: Time(seconds: 200)
        ) { _ in }
        let dated = try #require(library.root.directory("a")?.file("film.mkv"))
        let undated = try #require(library.root.directory("b")?.file("film.mkv"))
        #expect(dated.attributes.modified == Time(seconds: 1_500_000_000))
        #expect(undated.attributes.modified == Time(seconds: 200))
        #expect(dated.attributes.fileid != undated.attributes.fileid)
    }

    @Test func nothingIsShownThatIsNotStored() throws {
        struct DiskFull: Error {}
        let library = library()
        #expect(throws: DiskFull.self) {
            try library.show([route("films", [film])], now: Time(seconds: 200)) { _ in
                throw DiskFull()
            }
        }
        #expect(library.root.listing.isEmpty)
        try library.show([route("films", [film])], now: Time(seconds: 201)) { changes in
            #expect(changes.entries.count == 1)
        }
        #expect(library.root.listing == ["films"])
    }

    @Test func translatesOffsetsOfTheFile() throws {
        let library = library()
        try library.show([route("r", [album])], now: Time(seconds: 200)) { _ in }
        let disc = try #require(library.root.directory("r")?.directory("album")?.directory("cd1"))
        let file = try #require(disc.file("run"))
        #expect(file.verifiedPrefix(of: 10..<20) == 110)
        var bytes = ByteBuffer()
        #expect(try file.readIfCached(10..<20, into: &bytes))
        #expect(bytes == ByteBuffer(string: "110-120"))
        let token = file.wait(for: 1..<2) { #expect($0 == .verified(102)) }
        #expect(token.rawValue == 101)
    }

    @Test func anEmptyFileNeedsNoPiece() throws {
        let library = library()
        try library.show([route("r", [album])], now: Time(seconds: 200)) { _ in }
        let file = try #require(library.root.directory("r")?.directory("album")?.file("b"))
        #expect(file.attributes.size == 0)
        #expect(file.verifiedPrefix(of: 0..<0) == 0)
        var bytes = ByteBuffer()
        #expect(try file.readIfCached(0..<0, into: &bytes))
        #expect(bytes.readableBytes == 0)
    }

    /// Clients hold on to these numbers: a change of the hash would make every mount stale.
    @Test func identitiesNeverChange() {
        #expect(FileID.routeHash(Array("films".utf8)) == 1_390_449_068)
        #expect(FileID(kind: .root).fileid == 465_753_785_085_766_674)
        #expect(
            FileID(kind: .torrentFile, route: 5, infoHash: infoHash(7), index: 3).fileid
                == 4_519_129_793_754_237_117
        )
    }
}
