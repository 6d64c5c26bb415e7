import Foundation
import PieceStorage
import Testing

@Suite struct FileStampTests {
    @Test func aChangedFileHasAnotherStamp() throws {
        let directory = try TemporaryDirectory()
        let file = "\(directory.path)/f"
        #expect(FileStamp(path: file) == nil)
        #expect(FileStamp(path: directory.path) == nil)
        try Data([1]).write(to: URL(filePath: file))
        let before = FileStamp(path: file)
        #expect(before != nil && FileStamp(path: file) == before)
        try Data([1, 2]).write(to: URL(filePath: file))
        #expect(FileStamp(path: file) != before)
    }

    @Test func aTimeThatIsSetBackDoesNotHideAChange() throws {
        let directory = try TemporaryDirectory()
        let file = "\(directory.path)/f"
        try Data([1]).write(to: URL(filePath: file))
        let before = try #require(FileStamp(path: file))
        // As some programs do after they have written a tag into a film.
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        try Data([2]).write(to: URL(filePath: file))
        try FileManager.default.setAttributes(
            [.modificationDate: attributes[.modificationDate] as Any],
            ofItemAtPath: file
        )
        #expect(FileStamp(path: file) != before)
    }

    @Test func itsBytesAreReadBack() {
        let stamp = stamp(changed: -5)
        #expect(FileStamp(bytes: stamp.bytes) == stamp)
        #expect(stamp.bytes.count == FileStamp.byteCount)
        for count in 0..<FileStamp.byteCount {
            #expect(FileStamp(bytes: stamp.bytes.prefix(count)) == nil)
        }
    }

    @Test func aFileIsSettledAWhileAfterItsLastChange() {
        let now = FileStamp.Time(seconds: 1000)
        #expect(!stamp(changed: 1000).isSettled(at: now))
        #expect(!stamp(changed: 998).isSettled(at: now))
        #expect(stamp(changed: 997).isSettled(at: now))
        // A file server whose clock is ahead must not keep a folder waiting for ever.
        #expect(stamp(changed: 2000).isSettled(at: now))
    }

    private func stamp(changed seconds: Int64) -> FileStamp {
        FileStamp(
            inode: 1 << 63,
            size: 3,
            modified: .init(seconds: 4, nanoseconds: 999_999_999),
            statusChanged: .init(seconds: seconds, nanoseconds: 7)
        )
    }
}
