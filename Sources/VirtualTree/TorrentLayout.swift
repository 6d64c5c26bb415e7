package import BitTorrentProtocol

/// The directories and files of one torrent, derived from its metainfo alone.
///
/// The same metainfo always gives the same names, the same directory numbers and the same cookies:
/// what is stored of it may be made anew at any time. A few arrays and one run of name bytes hold the whole: a torrent of
/// 100,000 files costs a few megabytes and no object per file.
package struct TorrentLayout: Sendable {
    package enum Target: Equatable, Sendable {
        /// Number of the directory, as in ``FileID/index``.
        case directory(UInt32)
        /// Position of the file in the metainfo.
        case file(UInt32)
    }

    struct Entry {
        let nameStart: UInt32
        let nameLength: UInt8
        let target: Target

        /// In the names of the layout.
        var name: Range<Int> { Int(nameStart)..<Int(nameStart) + Int(nameLength) }
    }

    struct Directory {
        /// Itself for the top directory.
        let parent: UInt32
        /// Positions in `entries`, in cookie order: the entry's place here is its ordinal.
        let entries: Range<Int>
        let subdirectoryCount: UInt32
    }

    /// A file of the metainfo, shown or not.
    package struct File: Equatable, Sendable {
        /// Offset of its first byte in the torrent.
        package let offset: UInt64
        package let length: UInt64
        package let isExecutable: Bool
    }

    /// The name under which the torrent stands in a route, before other torrents there are
    /// considered.
    package let name: [UInt8]
    /// Files that are shown.
    package let fileCount: Int
    /// Bytes of the files that are shown.
    package let byteCount: UInt64

    /// Empty for a single-file torrent, whose file stands in the route itself.
    let directories: [Directory]
    let entries: [Entry]
    /// Positions in `entries`, sorted by name within the range of each directory.
    let byName: [UInt32]
    let names: [UInt8]
    let files: [File]
    /// The directory of each file of the metainfo; `hidden` for a file that is not shown.
    let directoryOfFile: [UInt32]

    static let hidden = UInt32.max

    package init(_ info: TorrentInfo) {
        let files = info.files.map { file in
            File(
                offset: file.offset,
                length: file.length,
                isExecutable: file.attributes.contains(.executable)
            )
        }
        let name = FileName.component(info.name) ?? FileName.placeholder
        if info.isSingleFile {
            self.init(name: name, files: files, directoryOfFile: files.map { _ in 0 })
            return
        }
        var builder = TorrentLayoutBuilder()
        let directoryOfFile = builder.placeFiles(of: info, hidden: Self.hidden)
        let (directories, entries) = builder.grouped()
        self.init(
            name: name,
            directories: directories,
            entries: entries,
            byName: Self.sortedByName(directories, entries, builder.names),
            names: builder.names,
            files: files,
            directoryOfFile: directoryOfFile
        )
    }

    init(
        name: [UInt8],
        directories: [Directory] = [],
        entries: [Entry] = [],
        byName: [UInt32] = [],
        names: [UInt8] = [],
        files: [File],
        directoryOfFile: [UInt32]
    ) {
        self.name = name
        self.directories = directories
        self.entries = entries
        self.byName = byName
        self.names = names
        self.files = files
        self.directoryOfFile = directoryOfFile
        var count = 0
        var bytes: UInt64 = 0
        for (file, directory) in zip(files, directoryOfFile) where directory != Self.hidden {
            count += 1
            bytes &+= file.length
        }
        fileCount = count
        byteCount = bytes
    }

    /// What it takes in memory, about.
    var memoryByteCount: Int {
        directories.count * MemoryLayout<Directory>.stride
            + entries.count * (MemoryLayout<Entry>.stride + MemoryLayout<UInt32>.stride)
            + files.count * (MemoryLayout<File>.stride + MemoryLayout<UInt32>.stride)
            + names.count + name.count + 512
    }

    package var directoryCount: Int { directories.count }

    /// A file by its position in the metainfo; `nil` if there is none, or if it is not shown.
    package func file(_ number: UInt32) -> File? {
        guard number < files.count, directoryOfFile[Int(number)] != Self.hidden else { return nil }
        return files[Int(number)]
    }

    package func isShown(file: UInt32) -> Bool { self.file(file) != nil }

    /// Number of the directory above; the top directory is above itself.
    package func parent(ofDirectory number: UInt32) -> UInt32 { directories[Int(number)].parent }

    package func entryCount(ofDirectory number: UInt32) -> Int {
        directories[Int(number)].entries.count
    }

    package func subdirectoryCount(ofDirectory number: UInt32) -> UInt32 {
        directories[Int(number)].subdirectoryCount
    }

    /// The entry at place `ordinal` of a directory, counted from zero.
    package func entry(
        _ ordinal: Int,
        ofDirectory number: UInt32
    ) -> (
        name: [UInt8], target: Target
    ) {
        let entry = entries[directories[Int(number)].entries.lowerBound + ordinal]
        return (Array(Self.bytes(of: entry, in: names)), entry.target)
    }

    package func target(named name: [UInt8], inDirectory number: UInt32) -> Target? {
        var range = directories[Int(number)].entries
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            let entry = entries[Int(byName[middle])]
            let found = Self.bytes(of: entry, in: names)
            if found.elementsEqual(name) { return entry.target }
            if found.lexicographicallyPrecedes(name) {
                range = middle + 1..<range.upperBound
            } else {
                range = range.lowerBound..<middle
            }
        }
        return nil
    }

    /// Numbers of the files that stand in a directory or anywhere below it, ascending.
    package func files(belowDirectory number: UInt32) -> [ClosedRange<Int>] {
        var runs: [ClosedRange<Int>] = []
        for (file, directory) in directoryOfFile.enumerated()
        where directory != Self.hidden && isDirectory(directory, below: number) {
            if let last = runs.last, last.upperBound + 1 == file {
                runs[runs.count - 1] = last.lowerBound...file
            } else {
                runs.append(file...file)
            }
        }
        return runs
    }

    private func isDirectory(_ inner: UInt32, below outer: UInt32) -> Bool {
        var number = inner
        for _ in 0...TorrentLayoutBuilder.maximumDepth where number != outer {
            number = parent(ofDirectory: number)
        }
        return number == outer
    }

    /// The names from below the top directory to a file; `nil` if it is not shown.
    ///
    /// Looks at every entry of its directory and of those above.
    package func path(ofFile number: UInt32) -> [[UInt8]]? {
        guard isShown(file: number), !directories.isEmpty else { return nil }
        var target = Target.file(number)
        var directory = directoryOfFile[Int(number)]
        var path: [[UInt8]] = []
        while true {
            guard
                let entry = entries[directories[Int(directory)].entries]
                    .first(where: { $0.target == target })
            else { return nil }
            path.append(Array(Self.bytes(of: entry, in: names)))
            if directory == 0 { return path.reversed() }
            target = .directory(directory)
            directory = directories[Int(directory)].parent
        }
    }

    private static func bytes(of entry: Entry, in names: [UInt8]) -> ArraySlice<UInt8> {
        names[entry.name]
    }

    private static func sortedByName(
        _ directories: [Directory],
        _ entries: [Entry],
        _ names: [UInt8]
    ) -> [UInt32] {
        var order = entries.indices.map { UInt32($0) }
        for directory in directories {
            order[directory.entries].sort { left, right in
                bytes(of: entries[Int(left)], in: names)
                    .lexicographicallyPrecedes(bytes(of: entries[Int(right)], in: names))
            }
        }
        return order
    }
}
