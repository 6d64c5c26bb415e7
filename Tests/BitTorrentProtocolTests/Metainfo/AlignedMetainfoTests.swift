import BitTorrentProtocol
import Testing

/// Torrents that are made here, of files each of which begins a piece.
@Suite struct AlignedMetainfoTests {
    private func hash(_ byte: UInt8, count: Int = 1) -> [UInt8] {
        [UInt8](repeating: byte, count: 20 * count)
    }

    @Test func paddingStandsBetweenFilesAndNotBehindTheLast() throws {
        let length: UInt32 = 16 << 10
        let builder = MetainfoBuilder(
            name: "films",
            alignedFiles: [
                .init(
                    path: ["a"],
                    hashes: FileHashes(
                        length: 20_000,
                        pieceHashes: hash(1) + hash(2),
                        tailHash: hash(3)
                    )
                ),
                .init(path: ["empty"], hashes: FileHashes(length: 0)),
                .init(
                    path: ["sub", "whole"],
                    hashes: FileHashes(
                        length: UInt64(length),
                        pieceHashes: hash(4),
                        tailHash: hash(4)
                    )
                ),
                .init(
                    path: ["z"],
                    hashes: FileHashes(length: 5, pieceHashes: hash(5), tailHash: hash(6))
                ),
                .init(path: ["zz"], hashes: FileHashes(length: 0)),
            ],
            pieceLength: length
        )
        let info = try Metainfo(parsing: builder.metainfoBytes).info
        let paths = info.files.map { $0.path.map { String(decoding: $0, as: UTF8.self) } }
        #expect(
            paths == [["a"], [".pad", "12768"], ["empty"], ["sub", "whole"], ["z"], ["zz"]]
        )
        #expect(info.files.map(\.offset) == [0, 20_000, 32_768, 32_768, 49_152, 49_157])
        #expect(info.files[1].attributes == .padding)
        #expect(info.pieceHashes == hash(1) + hash(2) + hash(4) + hash(6))
        #expect(info.geometry.totalLength == 49_157)
    }

    private struct Size {
        let mebibytes: UInt64
        let files: Int
        let kibibytes: UInt32
    }

    private static let sizes: [Size] = [
        Size(mebibytes: 1, files: 1, kibibytes: 256),
        Size(mebibytes: 375, files: 3, kibibytes: 256),
        Size(mebibytes: 376, files: 3, kibibytes: 512),
        Size(mebibytes: 4096, files: 2, kibibytes: 4096),
        Size(mebibytes: 20_480, files: 1, kibibytes: 16_384),
        Size(mebibytes: 1 << 25, files: 1000, kibibytes: 16_384),
        // Songs, and small texts.
        Size(mebibytes: 102_400, files: 20_000, kibibytes: 1024),
        Size(mebibytes: 10, files: 10_000, kibibytes: 16),
    ]

    @Test(arguments: sizes)
    private func thePieceLengthFollowsTheSize(size: Size) {
        let total = size.mebibytes << 20
        let length = PieceLength.suitable(totalLength: total, fileCount: size.files)
        #expect(length == size.kibibytes << 10)
        #expect(PieceLength.isAllowed(length))
    }

    @Test func thePieceLengthStaysUntilItIsFarFromBest() {
        func suitable(_ mebibytes: UInt64, _ current: UInt32) -> UInt32 {
            PieceLength.suitable(totalLength: mebibytes << 20, fileCount: 1, current: current) >> 10
        }
        #expect(suitable(376, 256 << 10) == 256)
        #expect(suitable(376, 1 << 20) == 1024)
        #expect(suitable(1000, 256 << 10) == 1024)
        #expect(suitable(200, 1 << 20) == 256)
        #expect(suitable(200, 100_000) == 256)
    }
}
