import BitTorrentProtocol
import Foundation
import Glibc
import NIOCore
import Testing

@testable import PieceStorage

/// Folders of the user: listed, hashed, read in place.
@Suite struct FolderTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        let url = URL(filePath: "\(directory.path)/\(name)")
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        try Data(bytes).write(to: url)
    }

    // MARK: Listing

    @Test func listsFilesInTheOrderOfTheTorrent() throws {
        for name in ["b", "a/z", "a.txt", "a/b/c", "Z"] { try write(name, [1]) }
        let listing = try FolderListing(path: directory.path)
        // By components, so that what is below "a" comes before "a.txt" (BEP 52).
        #expect(listing.files.map(\.name) == ["Z", "a/b/c", "a/z", "a.txt", "b"])
        #expect(listing.skipped.isEmpty)
    }

    @Test func passesOverWhatATorrentCannotHave() throws {
        for name in ["film.mkv", ".hidden", ".folder/inside"] { try write(name, [1]) }
        let path = directory.path
        #expect(symlink("\(path)/film.mkv", "\(path)/link") == 0)
        #expect(symlink(path, "\(path)/loop") == 0)
        #expect(mkfifo("\(path)/pipe", 0o600) == 0)
        let notText = "\(path)/".utf8CString.dropLast() + [CChar(bitPattern: 0xff), 0]
        #expect(notText.withUnsafeBufferPointer { creat($0.baseAddress!, 0o600) } >= 0)
        let listing = try FolderListing(path: path)
        #expect(listing.files.map(\.name) == ["film.mkv"])
        let reasons = Dictionary(uniqueKeysWithValues: listing.skipped.map { ($0.name, $0.reason) })
        #expect(
            reasons == ["link": .link, "loop": .link, "pipe": .special, "\u{fffd}": .notText]
        )
    }

    @Test func saysWhichFolderCannotBeListed() {
        #expect(throws: StorageError(.list, "/nowhere", code: ENOENT)) {
            try FolderListing(path: "/nowhere")
        }
    }

    // MARK: Hashing

    private func hash(_ name: String, pieceLength: UInt32) throws -> FileHashes {
        let path = "\(directory.path)/\(name)"
        let stamp = try #require(FileStamp(path: path))
        var hashing = try FileHashing(path: path, stamp: stamp, pieceLength: pieceLength)
        while !hashing.isComplete { try hashing.hashNextPiece() }
        return hashing.hashes
    }

    @Test func hashesPiecesAndFillsTheLastUp() throws {
        try write("f", [UInt8](repeating: 7, count: 40_000))
        let hashes = try hash("f", pieceLength: 32 << 10)
        let first = [UInt8](repeating: 7, count: 32 << 10)
        let rest = [UInt8](repeating: 7, count: 40_000 - (32 << 10))
        let filled = rest + [UInt8](repeating: 0, count: (64 << 10) - 40_000)
        #expect(hashes.pieceHashes == sha1(first) + sha1(filled))
        #expect(hashes.tailHash == sha1(rest))
        #expect(hashes.length == 40_000)
    }

    private func sha1(_ bytes: [UInt8]) -> [UInt8] { InfoHash(ofInfoDictionary: bytes).bytes }

    @Test func anEmptyFileHasNoPieces() throws {
        try write("f", [])
        #expect(try hash("f", pieceLength: 16 << 10) == FileHashes(length: 0))
    }

    @Test func noticesThatAFileChangesWhileItIsHashed() throws {
        try write("f", [UInt8](repeating: 7, count: 40_000))
        let path = "\(directory.path)/f"
        let stamp = try #require(FileStamp(path: path))
        var hashing = try FileHashing(path: path, stamp: stamp, pieceLength: 16 << 10)
        try hashing.hashNextPiece()
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.truncate(atOffset: 20_000)
        #expect(throws: StorageError.changed(path)) { try hashing.hashNextPiece() }
        #expect(throws: StorageError.changed(path)) { try hashing.hashNextPiece() }
    }

    // MARK: Reading

    private func files(
        _ names: [String],
        pieceLength: UInt64,
        open: OpenFiles
    ) throws -> FolderFiles {
        var offset: UInt64 = 0
        let files = try names.map { name in
            let stamp = try #require(FileStamp(path: "\(directory.path)/\(name)"))
            defer { offset += (stamp.size + pieceLength - 1) / pieceLength * pieceLength }
            return FolderFiles.File(path: name, offset: offset, length: stamp.size, stamp: stamp)
        }
        return FolderFiles(path: directory.path, files: files, openFiles: open)
    }

    @Test func readsAcrossFilesWithZerosBetweenThem() throws {
        try write("a", [1, 2, 3])
        try write("empty", [])
        try write("sub/b", [4, 5])
        let source = try files(["a", "empty", "sub/b"], pieceLength: 8, open: OpenFiles())
        let content: [UInt8] = [1, 2, 3, 0, 0, 0, 0, 0, 4, 5, 0, 0]
        for start in 0..<content.count {
            for end in start...content.count {
                let bytes = try source.read(UInt64(start)..<UInt64(end))
                #expect(Array(bytes.readableBytesView) == Array(content[start..<end]))
            }
        }
        // It is open, and its page is in memory.
        #expect(source.readIfCached(0..<3).map { Array($0.readableBytesView) } == [1, 2, 3])
        #expect(source.readIfCached(2..<9) == nil)
    }

    @Test(arguments: ["written", "longer", "replaced", "gone", "a pipe"])
    func readsNothingOfAFileThatIsNotWhatItWas(now: String) throws {
        try write("a", [1, 2, 3])
        try write("b", [4, 5, 6])
        let path = "\(directory.path)/a"
        let source = try files(["a", "b"], pieceLength: 8, open: OpenFiles())
        _ = try source.read(0..<3)
        // A tick of the file system's clock, which a change has to be apart from the one before.
        let before = FileStamp(path: path)
        repeat {
            switch now {
            case "written": try #require(FileHandle(forWritingAtPath: path)).write(Data([9]))
            case "longer": try Data([1, 2, 3, 4]).write(to: URL(filePath: path))
            case "replaced":
                try write("new", [1, 2, 3])
                rename("\(directory.path)/new", path)
            default:
                unlink(path)
                if now == "a pipe" { mkfifo(path, 0o600) }
            }
        } while FileStamp(path: path) == before
        #expect(source.readIfCached(0..<3) == nil)
        let error = #expect(throws: StorageError.self) { try source.read(0..<3) }
        #expect(error?.isChange == true)
        #expect(Array(try source.read(8..<11).readableBytesView) == [4, 5, 6])
    }

    @Test func readsAgainWhatWasHashedAgain() throws {
        try write("a", [1, 2, 3])
        let open = OpenFiles()
        let source = try files(["a"], pieceLength: 8, open: open)
        _ = try source.read(0..<3)
        try write("new", [7, 8, 9])
        rename("\(directory.path)/new", "\(directory.path)/a")
        let stamp = FileStamp(path: "\(directory.path)/a")
        source.replace([FolderFiles.File(path: "a", offset: 0, length: 3, stamp: stamp)])
        #expect(Array(try source.read(0..<3).readableBytesView) == [7, 8, 9])
        source.replace([FolderFiles.File(path: "a", offset: 0, length: 3, stamp: nil)])
        #expect(throws: StorageError.self) { try source.read(0..<3) }
    }

    @Test func keepsFewFilesOpen() throws {
        let names = (0..<20).map { "f\($0)" }
        for name in names { try write(name, [1]) }
        let open = OpenFiles(capacity: 4)
        let source = try files(names, pieceLength: 1, open: open)
        #expect(try source.read(0..<20).readableBytes == 20)
        #expect(open.count == 4)
    }
}
