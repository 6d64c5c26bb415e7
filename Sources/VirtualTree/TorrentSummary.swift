/// What the tree keeps in memory of every torrent: enough to list a route and to answer `stat` and
/// `df` without its layout.
package struct TorrentSummary: Equatable, Sendable {
    /// Of the files that are shown.
    package let byteCount: UInt64
    package let fileCount: UInt32
    /// In the top directory.
    package let subdirectoryCount: UInt32
    /// The file stands in the route itself.
    package let isSingleFile: Bool
    /// That file may be executed.
    package let isExecutable: Bool

    package init(_ layout: TorrentLayout) {
        byteCount = layout.byteCount
        fileCount = UInt32(layout.fileCount)
        isSingleFile = layout.directoryCount == 0
        subdirectoryCount = isSingleFile ? 0 : layout.subdirectoryCount(ofDirectory: 0)
        isExecutable = isSingleFile && layout.file(0)?.isExecutable == true
    }

    /// The only file of a single-file torrent.
    var file: TorrentLayout.File? {
        isSingleFile
            ? TorrentLayout.File(offset: 0, length: byteCount, isExecutable: isExecutable) : nil
    }
}

// The stored form: version 1, flags 1, bytes 8, files 4, subdirectories 4, all little-endian; then
// the name under which the torrent stands in a route.
extension TorrentSummary {
    private static let version: UInt8 = 1
    private static let headerByteCount = 18

    func encoded(name: [UInt8]) -> [UInt8] {
        [Self.version, (isSingleFile ? 1 : 0) | (isExecutable ? 2 : 0)]
            + Self.bytes(byteCount, count: 8) + Self.bytes(UInt64(fileCount), count: 4)
            + Self.bytes(UInt64(subdirectoryCount), count: 4) + name
    }

    /// - Returns: `nil` for what another version wrote.
    static func decode(_ bytes: [UInt8]) -> (summary: TorrentSummary, name: [UInt8])? {
        guard bytes.count > headerByteCount, bytes[0] == version, bytes[1] < 4 else { return nil }
        let summary = TorrentSummary(
            byteCount: number(bytes[2..<10]),
            fileCount: UInt32(number(bytes[10..<14])),
            subdirectoryCount: UInt32(number(bytes[14..<18])),
            isSingleFile: bytes[1] & 1 != 0,
            isExecutable: bytes[1] & 2 != 0
        )
        return (summary, Array(bytes[headerByteCount...]))
    }

    private init(
        byteCount: UInt64,
        fileCount: UInt32,
        subdirectoryCount: UInt32,
        isSingleFile: Bool,
        isExecutable: Bool
    ) {
        self.byteCount = byteCount
        self.fileCount = fileCount
        self.subdirectoryCount = subdirectoryCount
        self.isSingleFile = isSingleFile
        self.isExecutable = isExecutable
    }

    private static func bytes(_ number: UInt64, count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
