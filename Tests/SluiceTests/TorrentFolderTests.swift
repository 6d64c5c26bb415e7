import Foundation
import Testing

@testable import sluice

@Suite struct TorrentFolderTests {
    /// A folder of its own, gone at the end.
    func withFolder(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "sluice-folder-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: "\(path)/deep/er",
            withIntermediateDirectories: true
        )
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    @Test func findsTorrentsInAllFolders() throws {
        try withFolder { path in
            for name in ["b.torrent", "a.TORRENT", ".hidden.torrent", "x.txt", "deep/er/c.torrent"]
            {
                try Data().write(to: URL(filePath: "\(path)/\(name)"))
            }
            let loop = "\(path)/deep/loop"
            try FileManager.default.createSymbolicLink(atPath: loop, withDestinationPath: path)
            var folder = TorrentFolder(path: path)
            #expect(try folder.look())
            #expect(
                folder.files
                    == ["a.TORRENT", "b.torrent", "deep/er/c.torrent"].map { "\(path)/\($0)" }
            )
            #expect(try !folder.look())
            let new = "\(path)/deep/er/d.torrent"
            try Data().write(to: URL(filePath: new))
            #expect(try folder.look())
            #expect(folder.files.last == new)
            try FileManager.default.removeItem(atPath: "\(path)/deep")
            #expect(try folder.look())
            #expect(folder.files.count == 2)
        }
    }

    @Test func saysWhyAFolderCannotBeRead() {
        #expect(
            throws: TorrentFolder.Unreadable(
                path: "/nowhere",
                reason: "No such file or directory"
            )
        ) {
            var folder = TorrentFolder(path: "/nowhere")
            _ = try folder.look()
        }
    }

    @Test func refusesToReadWhatIsTooLarge() throws {
        try withFolder { path in
            let file = "\(path)/f"
            try Data(count: 11).write(to: URL(filePath: file))
            let whole = try contents(of: file, limit: 11)
            #expect(whole.count == 11)
            #expect(throws: UnreadableFile.self) { try contents(of: file, limit: 10) }
            #expect(throws: UnreadableFile.self) { try contents(of: path, limit: 10) }
        }
    }
}
