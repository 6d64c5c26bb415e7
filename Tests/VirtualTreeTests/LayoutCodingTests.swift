import BitTorrentProtocol
import StateStore
import Testing

@testable import VirtualTree

@Suite struct LayoutCodingTests {
    private func layouts() -> [TorrentLayout] {
        [
            TorrentLayout(singleFileInfo(name: "film.mkv", length: 1 << 40)),
            TorrentLayout(
                torrentInfo(
                    name: "album",
                    files: [
                        (["cd1", "a.flac"], 300), ([".pad", "20"], 20), (["cd1", "run"], 0),
                        (["b"], 1 << 33), (["b"], 7),
                    ],
                    attributes: [[], .padding, .executable]
                )
            ),
            TorrentLayout(
                torrentInfo(
                    name: "many",
                    files: (0..<300).map { (["d\($0 % 7)", "e", "f\($0)"], UInt64($0)) }
                )
            ),
        ]
    }

    private func description(_ layout: TorrentLayout) -> [String] {
        var lines = ["\(layout.name) \(layout.fileCount) \(layout.byteCount)"]
        for number in 0..<400 { lines.append("\(layout.file(UInt32(number)), default: "-")") }
        for directory in 0..<UInt32(layout.directoryCount) {
            lines.append(
                "\(layout.parent(ofDirectory: directory)) "
                    + "\(layout.subdirectoryCount(ofDirectory: directory))"
            )
            for ordinal in 0..<layout.entryCount(ofDirectory: directory) {
                let (name, target) = layout.entry(ordinal, ofDirectory: directory)
                lines.append("\(name) \(target)")
                lines.append(
                    "\(layout.target(named: name, inDirectory: directory), default: "lost")"
                )
            }
        }
        return lines
    }

    @Test func readsWhatItWrites() throws {
        for layout in layouts() {
            let same = try #require(TorrentLayout(decoding: layout.encoded))
            #expect(description(same) == description(layout))
            #expect(same.encoded == layout.encoded)
        }
    }

    @Test func isSmall() {
        let info = torrentInfo(
            name: "Some Show",
            files: (0..<4).map { (["Season 1", "Some.Show.S01E0\($0).mkv"], UInt64(1) << 30) }
        )
        #expect(TorrentLayout(info).encoded.count < 200)
    }

    @Test func refusesEveryTruncation() {
        for layout in layouts() {
            let bytes = layout.encoded
            for count in 0..<bytes.count {
                #expect(TorrentLayout(decoding: Array(bytes[..<count])) == nil)
            }
            #expect(TorrentLayout(decoding: bytes + [0]) == nil)
        }
    }

    /// A damaged store is no reason to crash: what is read can be used without a check.
    @Test func survivesDamage() {
        var generator = SystemRandomNumberGenerator()
        for layout in layouts().dropLast() {
            for _ in 0..<3000 {
                var bytes = layout.encoded
                for _ in 0...Int.random(in: 0..<4, using: &generator) {
                    let position = Int.random(in: 0..<bytes.count, using: &generator)
                    bytes[position] = UInt8.random(in: 0...255, using: &generator)
                }
                if let damaged = TorrentLayout(decoding: bytes) { _ = description(damaged) }
            }
        }
    }

    @Test func summariesAreReadBack() throws {
        for layout in layouts() {
            let summary = TorrentSummary(layout)
            let read = try #require(TorrentSummary.decode(summary.encoded(name: layout.name)))
            #expect(read.summary == summary)
            #expect(read.name == layout.name)
        }
        #expect(TorrentSummary.decode([]) == nil)
        #expect(TorrentSummary.decode([9] + [UInt8](repeating: 0, count: 40)) == nil)
    }

    @Test func aShelfKeepsFewAndFindsAll() throws {
        let directory = try TemporaryDirectory()
        let store = try StateStore(directory: directory.path)
        let contents = (1...40).map { number in
            FakeContent(
                UInt8(number),
                torrentInfo(name: "t\(number)", files: [(["a", "f\(number)"], UInt64(number))])
            )
        }
        let shelf = LayoutShelf(store: store, maximumByteCount: 4096)
        #expect(try shelf.describe(contents).count == 40)
        for _ in 0..<3 {
            for content in contents {
                let layout = try #require(shelf.layout(of: content))
                #expect(layout.byteCount == content.info.files[0].length)
            }
        }
        // Another one reads what is stored.
        let next = LayoutShelf(store: store)
        #expect(try next.describe(contents)[contents[6].infoHash]?.name == Array("t7".utf8))
        // A damaged layout is made anew.
        try store.record(layouts: [
            StateStore.LayoutRecord(infoHash: contents[0].infoHash, summary: [7], layout: [7])
        ])
        let last = LayoutShelf(store: store)
        #expect(last.layout(of: contents[0])?.fileCount == 1)
        #expect(try last.describe([contents[0]])[contents[0].infoHash]?.summary.fileCount == 1)
    }
}
