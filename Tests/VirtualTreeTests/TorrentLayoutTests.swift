import BitTorrentProtocol
import Testing
import VirtualTree

@Suite struct TorrentLayoutTests {
    func names(_ layout: TorrentLayout, directory: UInt32 = 0) -> [String] {
        (0..<layout.entryCount(ofDirectory: directory)).map {
            String(decoding: layout.entry($0, ofDirectory: directory).name, as: UTF8.self)
        }
    }

    @Test func placesFilesInDirectories() {
        let layout = TorrentLayout(
            torrentInfo(
                name: "album",
                files: [(["cd1", "a.flac"], 5), (["cover.jpg"], 3), (["cd1", "b.flac"], 7)]
            )
        )
        #expect(names(layout) == ["cd1", "cover.jpg"])
        #expect(names(layout, directory: 1) == ["a.flac", "b.flac"])
        #expect(layout.target(named: Array("cd1".utf8), inDirectory: 0) == .directory(1))
        #expect(layout.target(named: Array("b.flac".utf8), inDirectory: 1) == .file(2))
        #expect(layout.target(named: Array("b".utf8), inDirectory: 1) == nil)
        #expect(layout.parent(ofDirectory: 1) == 0)
        #expect(layout.subdirectoryCount(ofDirectory: 0) == 1)
        #expect(layout.fileCount == 3)
        #expect(layout.byteCount == 15)
    }

    @Test func numbersCollidingNamesAndLeavesPlainOnesAlone() {
        let layout = TorrentLayout(
            torrentInfo(
                name: "t",
                files: [
                    (["bar.txt"], 1), (["bar\u{0}.txt"], 1), (["bar (2).txt"], 1), (["bar.txt"], 1),
                ]
            )
        )
        #expect(names(layout) == ["bar.txt", "bar (2).txt", "bar (3).txt", "bar (4).txt"])
        #expect(layout.target(named: Array("bar (2).txt".utf8), inDirectory: 0) == .file(2))
        #expect(layout.target(named: Array("bar (3).txt".utf8), inDirectory: 0) == .file(1))
    }

    @Test func aDirectoryKeepsItsNameBeforeAFile() {
        let layout = TorrentLayout(
            torrentInfo(name: "t", files: [(["x"], 1), (["x", "inside"], 2)])
        )
        #expect(layout.target(named: Array("x".utf8), inDirectory: 0) == .directory(1))
        #expect(layout.target(named: Array("x (2)".utf8), inDirectory: 0) == .file(0))
    }

    @Test func hidesPaddingAndLinks() {
        let layout = TorrentLayout(
            torrentInfo(
                name: "t",
                files: [
                    (["p"], 1), ([".pad", "42"], 1), (["_____padding_file_0_x"], 1), (["l"], 0),
                    (["a"], 4), ([".pad", "readme"], 2),
                ],
                attributes: [.padding, [], [], .symlink]
            )
        )
        #expect(names(layout) == [".pad", "a"])
        #expect(
            (0..<7).map { layout.isShown(file: $0) } == [
                false, false, false, false, true, true, false,
            ]
        )
        #expect(layout.byteCount == 6)
    }

    @Test func staysInsideTheTorrent() {
        let layout = TorrentLayout(
            torrentInfo(
                name: "../../etc",
                files: [(["..", "..", "passwd"], 1), (["", ".", "/", "x"], 1)]
            )
        )
        #expect(layout.name == Array(".._.._etc".utf8))
        #expect(names(layout) == ["_", "passwd"])
    }

    @Test func aPathOfNothingStillHasAName() {
        let layout = TorrentLayout(torrentInfo(name: "", files: [([".."], 1), ([], 1)]))
        #expect(layout.name == Array("_".utf8))
        #expect(names(layout) == ["_", "_ (2)"])
    }

    @Test func foldsWhatLiesTooDeep() {
        let path = (0..<5000).map { "d\($0)" } + ["file"]
        let layout = TorrentLayout(torrentInfo(name: "t", files: [(path, 1)]))
        #expect(layout.directoryCount == 101)
        #expect(layout.target(named: Array("file".utf8), inDirectory: 100) == .file(0))
    }

    @Test func aSingleFileHasNoDirectory() {
        let layout = TorrentLayout(singleFileInfo(name: "film.mkv", length: 9))
        #expect(layout.directoryCount == 0)
        #expect(layout.isShown(file: 0) && !layout.isShown(file: 1))
        #expect(layout.byteCount == 9)
    }

    /// Quadratic work would take minutes.
    @Test(.timeLimit(.minutes(5))) func hundredThousandFilesOfOneName() {
        let files = (0..<100_000).map { _ in (path: ["d", "same.bin"], length: UInt64(1)) }
        let layout = TorrentLayout(torrentInfo(name: "t", files: files))
        #expect(layout.entryCount(ofDirectory: 1) == 100_000)
        #expect(
            layout.target(named: Array("same (99999).bin".utf8), inDirectory: 1) == .file(99_998)
        )
    }

    /// Cut to make room for a number, all of them are one: each would try what those before it took.
    @Test(.timeLimit(.minutes(5))) func manyLongNamesThatDifferAtTheirEndAlone() {
        let beginning = String(repeating: "x", count: 250)
        let files = (0..<20_000).map { number in
            let end = String(number, radix: 36)
            let padding = String(repeating: "0", count: 5 - end.count)
            return (path: ["\(beginning)\(padding)\(end)"], length: UInt64(1))
        }
        let layout = TorrentLayout(torrentInfo(name: "t", files: files + files))
        #expect(layout.entryCount(ofDirectory: 0) == 40_000)
        let last = Array("\(beginning.prefix(247)) (20001)".utf8)
        #expect(layout.target(named: last, inDirectory: 0) == .file(39_999))
    }

    @Test(.timeLimit(.minutes(5))) func hundredThousandFilesInManyDirectories() {
        let files = (0..<100_000).map { (path: ["d\($0 / 100)", "f\($0)"], length: UInt64(1)) }
        let layout = TorrentLayout(torrentInfo(name: "t", files: files))
        #expect(layout.directoryCount == 1001)
        #expect(layout.target(named: Array("f99999".utf8), inDirectory: 1000) == .file(99_999))
    }
}
