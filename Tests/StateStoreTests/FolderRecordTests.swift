import BitTorrentProtocol
import StateStore
import Testing

@Suite struct FolderRecordTests {
    let directory: TemporaryDirectory
    let infoHash: InfoHash

    init() throws {
        directory = try TemporaryDirectory()
        infoHash = try #require(InfoHash(bytes: Array(1...20)))
    }

    private func file(_ path: String, stamp: UInt8) -> StateStore.FolderFileRecord {
        StateStore.FolderFileRecord(
            path: path,
            stamp: [stamp],
            pieceLength: 1 << 18,
            hashes: FileHashes(length: 5, pieceHashes: Array(0..<20), tailHash: Array(20..<40))
        )
    }

    @Test func whatWasHashedOutlivesTheProgram() throws {
        let folder = StateStore.FolderRecord(
            path: "/films",
            metainfo: .init(infoHash: infoHash, infoBytes: Array("de".utf8)),
            addedTime: 7,
            magnet: "magnet:?x"
        )
        do {
            let store = try StateStore(directory: directory.path)
            try store.record([file("a", stamp: 1), file("b", stamp: 1)], of: "/films")
            try store.record([file("a", stamp: 2)], of: "/films")
            try store.record([file("a", stamp: 3)], of: "/other")
            try store.record(folder, keeping: ["a"])
        }
        let store = try StateStore(directory: directory.path)
        #expect(try store.folders() == [folder])
        #expect(try store.folder(at: "/films") == folder)
        #expect(try store.folder(at: "/other") == nil)
        #expect(try store.folderFiles(of: "/films") == [file("a", stamp: 2)])
        #expect(try store.infoBytes(of: infoHash) == Array("de".utf8))
        try store.removeFolder(at: "/films")
        #expect(try store.folders().isEmpty)
        #expect(try store.folderFiles(of: "/films").isEmpty)
        #expect(try store.folderFiles(of: "/other") == [file("a", stamp: 3)])
    }

    @Test func anotherProgramReadsWhileAServerHasTheState() throws {
        #expect(throws: StateStoreError.self) { try StateStore(reading: directory.path) }
        let store = try StateStore(directory: directory.path)
        let reader = try StateStore(reading: directory.path)
        #expect(try reader.folders().isEmpty)
        try store.record(
            StateStore.FolderRecord(
                path: "/films",
                metainfo: .init(infoHash: infoHash, infoBytes: []),
                addedTime: 7,
                magnet: "magnet:?x"
            ),
            keeping: []
        )
        #expect(try reader.folders().map(\.magnet) == ["magnet:?x"])
        #expect(throws: StateStoreError.self) { try reader.removeFolder(at: "/films") }
    }
}
