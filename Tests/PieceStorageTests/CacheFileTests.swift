import BitTorrentProtocol
import Foundation
import NIOCore
import PieceStorage
import Testing

@Suite struct CacheFileTests {
    let directory: TemporaryDirectory
    let file: CacheFile

    init() throws {
        directory = try TemporaryDirectory()
        file = try CacheFile(path: "\(directory.path)/file", length: 64 << 20)
    }

    @Test func readsWhatWasWritten() throws {
        // More buffers than one pwritev takes, of odd lengths.
        let buffers = (0..<1500).map { number in
            ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: 1 + number % 7)
        }
        try file.write(buffers, at: 12345)
        let expected = buffers.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        let range = 12345..<12345 + UInt64(expected.readableBytes)
        #expect(try file.read(range) == expected)
    }

    @Test func readsWithoutWaitingOnlyWholeRanges() throws {
        let bytes = ByteBuffer(repeating: 7, count: 100_000)
        try file.write([bytes], at: 4096)
        // A file system may be unable to tell (nil), but what it gives is right.
        if let cached = file.readIfCached(4096..<104_096) { #expect(cached == bytes) }
        #expect(file.readIfCached((64 << 20) - 10..<(64 << 20) + 10) == nil)
    }

    @Test func readsFromMemoryWithoutWaiting() throws {
        let inMemory = try TemporaryDirectory(below: "/dev/shm")
        let file = try CacheFile(path: "\(inMemory.path)/file", length: 8192)
        let bytes = ByteBuffer(repeating: 7, count: 4096)
        try file.write([bytes], at: 4096)
        #expect(file.readIfCached(4096..<8192) == bytes)
    }

    @Test func isSparseAndKeepsItsSize() throws {
        #expect(try file.heldBytes() < 1 << 20)
        try file.write([ByteBuffer(repeating: 1, count: 1 << 20)], at: 32 << 20)
        let held = try file.heldBytes()
        #expect(held >= 1 << 20 && held < 4 << 20)
        try file.free(32 << 20..<33 << 20)
        #expect(try file.heldBytes() < held)
        #expect(try file.read(32 << 20..<(32 << 20) + 4) == ByteBuffer(repeating: 0, count: 4))
    }

    @Test func readingPastTheEndIsAnError() throws {
        #expect(throws: StorageError.self) { try file.read((64 << 20) - 1..<(64 << 20) + 1) }
    }

    @Test func whatOfABlockOfTheDiskIsKeptStays() throws {
        try file.write([ByteBuffer(repeating: 1, count: 20_000)], at: 0)
        try file.free(5000..<15_000)
        #expect(try file.read(0..<8192) == ByteBuffer(repeating: 1, count: 8192))
        #expect(try file.read(8192..<12_288) == ByteBuffer(repeating: 0, count: 4096))
        #expect(try file.read(12_288..<20_000) == ByteBuffer(repeating: 1, count: 7712))
    }

    @Test func theEndOfAFileIsFreedWhole() throws {
        let short = try CacheFile(path: "\(directory.path)/short", length: 10_000)
        try short.write([ByteBuffer(repeating: 1, count: 10_000)], at: 0)
        try short.free(0..<16_384)
        #expect(try short.heldBytes() == 0)
        #expect(try short.read(9_999..<10_000) == ByteBuffer(repeating: 0, count: 1))
    }

    @Test func reopensWithItsBytes() throws {
        try file.write([ByteBuffer(string: "kept")], at: 99)
        let again = try CacheFile(path: file.path, length: file.length)
        #expect(try again.read(99..<103) == ByteBuffer(string: "kept"))
    }
}

@Suite struct CacheDirectoryTests {
    let infoHash = InfoHash(bytes: [UInt8](repeating: 0xab, count: 20))

    @Test func makesTheDirectoriesAboveIt() throws {
        let base = try TemporaryDirectory()
        let infoHash = try #require(infoHash)
        let directory = try CacheDirectory(path: "\(base.path)/a/b/c")
        #expect(directory.heldBytes(of: infoHash) == nil)
        _ = try directory.store(of: infoHash, pieceLength: 16384, length: 10)
        #expect(directory.heldBytes(of: infoHash) != nil)
        try directory.removeStore(of: infoHash)
        try directory.removeStore(of: infoHash)
        #expect(directory.heldBytes(of: infoHash) == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
    }

    @Test func keepsAFileForEachPieceWhereThereAreNoHoles() throws {
        let base = try TemporaryDirectory()
        let infoHash = try #require(infoHash)
        let directory = try CacheDirectory(path: base.path, layout: .pieceFiles)
        let store = try directory.store(of: infoHash, pieceLength: 16384, length: 50_000)
        let blocks = (0..<4).map { ByteBuffer(repeating: UInt8($0), count: $0 == 3 ? 848 : 16384) }
        try store.write(blocks, at: 0)
        let all = blocks.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) }
        #expect(try store.read(0..<50_000) == all)
        #expect(try store.read(16_000..<33_000) == all.getSlice(at: 16_000, length: 17_000))
        let held = try store.heldBytes()
        #expect(held >= 50_000 && directory.heldBytes(of: infoHash) == held)
        try store.free(16_384..<49_152)
        #expect(throws: StorageError.self) { try store.read(16_384..<16_385) }
        #expect(try store.read(49_152..<50_000) == blocks[3])
        // What is there by then is kept as it is.
        let other = try CacheDirectory(path: base.path, layout: .sparseFile)
        let again = try other.store(of: infoHash, pieceLength: 16384, length: 50_000)
        #expect(try again.read(0..<10) == ByteBuffer(repeating: 0, count: 10))
        #expect(try other.free([PieceIndex(0)], of: infoHash, pieceLength: 16384) ?? 0 < held)
        try other.removeStore(of: infoHash)
        #expect(other.heldBytes(of: infoHash) == nil)
    }

    @Test func findsOutWhatTheFileSystemCanDo() throws {
        let inMemory = try TemporaryDirectory(below: "/dev/shm")
        #expect(try CacheDirectory(path: inMemory.path).layout == .sparseFile)
        // It has no holes.
        #expect(throws: StorageError.self) { try CacheDirectory(path: "/proc/self/cache") }
    }

    @Test func joinsPiecesToRuns() {
        let runs = PieceRun.runs(of: [5, 1, 2, 3, 9].map { PieceIndex($0) })
        #expect(runs.map(\.pieces) == [1..<4, 5..<6, 9..<10])
        #expect(runs[0].byteRange(pieceLength: 10) == 10..<40)
    }

    @Test func saysWhatToDoWhenAFileIsInTheWay() throws {
        let base = try TemporaryDirectory()
        try Data().write(to: URL(fileURLWithPath: "\(base.path)/file"))
        let error = #expect(throws: StorageError.self) {
            try CacheDirectory(path: "\(base.path)/file/cache")
        }
        #expect(error?.description.contains("a file is in the way") == true)
        #expect(error?.description.contains("\(base.path)/file/cache") == true)
    }

    @Test func saysWhatToDoWhenTheDiskIsFull() {
        let error = StorageError(.write, "/cache", code: ENOSPC)
        #expect(error.isOutOfSpace)
        #expect(error.description.contains("No space left on device; free some space"))
    }
}
