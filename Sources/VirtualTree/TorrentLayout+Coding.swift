// The form in which layouts are stored, so that nobody has to read and parse an info dictionary to
// list a directory. It is made of the info dictionary and can be made again: a version that is not
// known, or a byte that makes no sense, is no layout.
//
//      version 1, flags 1, name, counts of files, directories and entries
//      file:       length, gap to the file before, (directory + 1) << 1 | executable; hidden is 0 there
//      directory:  parent, entries, subdirectories
//      entry:      length of its name 1, number << 1 | is a file; the names follow in the same order
//      order of names: positions
//
// Numbers are LEB128 unless their bytes are given.

extension TorrentLayout {
    private static let version: UInt8 = 1
    private static let singleFileFlag: UInt8 = 1

    package var encoded: [UInt8] {
        var bytes: [UInt8] = [Self.version, directories.isEmpty ? Self.singleFileFlag : 0]
        bytes.appendNumber(UInt64(name.count))
        bytes += name
        for count in [files.count, directories.count, entries.count] {
            bytes.appendNumber(UInt64(count))
        }
        var end: UInt64 = 0
        for (file, directory) in zip(files, directoryOfFile) {
            bytes.appendNumber(file.length)
            bytes.appendNumber(file.offset - end)
            let place = directory == Self.hidden ? 0 : UInt64(directory) + 1
            bytes.appendNumber(place << 1 | (file.isExecutable ? 1 : 0))
            end = file.offset + file.length
        }
        for directory in directories {
            bytes.appendNumber(UInt64(directory.parent))
            bytes.appendNumber(UInt64(directory.entries.count))
            bytes.appendNumber(UInt64(directory.subdirectoryCount))
        }
        for entry in entries {
            bytes.append(entry.nameLength)
            switch entry.target {
            case .directory(let number): bytes.appendNumber(UInt64(number) << 1)
            case .file(let number): bytes.appendNumber(UInt64(number) << 1 | 1)
            }
        }
        for entry in entries {
            let start = Int(entry.nameStart)
            bytes += names[start..<start + Int(entry.nameLength)]
        }
        for position in byName { bytes.appendNumber(UInt64(position)) }
        return bytes
    }

    /// - Returns: `nil` unless `bytes` are what `encoded` gives.
    package init?(decoding bytes: [UInt8]) {
        var reader = LayoutReader(bytes)
        guard reader.byte() == Self.version, let flags = reader.byte(),
            let nameLength = reader.number(upTo: UInt64(FileName.maximumByteCount)),
            let name = reader.bytes(nameLength),
            let fileCount = reader.count(ofItemsOfAtLeast: 3),
            let directoryCount = reader.count(ofItemsOfAtLeast: 3),
            let entryCount = reader.count(ofItemsOfAtLeast: 3),
            (flags == Self.singleFileFlag) == (directoryCount == 0),
            let files = reader.files(fileCount, directoryCount: directoryCount),
            let directories = reader.directories(directoryCount, entryCount: entryCount),
            let (entries, names) = reader.entries(
                entryCount,
                directoryCount: directoryCount,
                fileCount: fileCount
            ), let byName = reader.order(of: directories), reader.isAtEnd
        else { return nil }
        self.init(
            name: name,
            directories: directories,
            entries: entries,
            byName: byName,
            names: names,
            files: files.map(\.file),
            directoryOfFile: files.map(\.directory)
        )
    }
}

/// Takes the parts of a layout from its stored form; `nil` where they make no sense.
private struct LayoutReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count <= bytes.count - position else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    mutating func number(upTo limit: UInt64) -> Int? {
        number().flatMap { $0 <= limit ? Int(exactly: $0) : nil }
    }

    mutating func number() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = byte() else { return nil }
            let part = UInt64(byte & 0x7F)
            guard shift < 63 || part <= 1 else { return nil }
            value |= part << shift
            if byte < 0x80 { return value }
        }
        return nil
    }

    /// A number of things that the rest has room for.
    mutating func count(ofItemsOfAtLeast byteCount: Int) -> Int? {
        number().flatMap { number in
            number <= UInt64((bytes.count - position) / byteCount) ? Int(number) : nil
        }
    }

    mutating func files(
        _ count: Int,
        directoryCount: Int
    ) -> [(file: TorrentLayout.File, directory: UInt32)]? {
        var files: [(file: TorrentLayout.File, directory: UInt32)] = []
        files.reserveCapacity(count)
        var end: UInt64 = 0
        for _ in 0..<count {
            guard let length = number(), let gap = number(), let place = number(),
                place >> 1 <= UInt64(max(1, directoryCount))
            else { return nil }
            let (offset, isTooFar) = end.addingReportingOverflow(gap)
            let (next, isTooLong) = offset.addingReportingOverflow(length)
            guard !isTooFar, !isTooLong else { return nil }
            end = next
            let file = TorrentLayout.File(
                offset: offset,
                length: length,
                isExecutable: place & 1 == 1
            )
            let isHidden = place >> 1 == 0
            files.append((file, isHidden ? TorrentLayout.hidden : UInt32(place >> 1) - 1))
        }
        return files
    }

    mutating func directories(_ count: Int, entryCount: Int) -> [TorrentLayout.Directory]? {
        var directories: [TorrentLayout.Directory] = []
        directories.reserveCapacity(count)
        var start = 0
        for _ in 0..<count {
            guard let parent = number(upTo: UInt64(count - 1)),
                let entries = number(upTo: UInt64(entryCount - start)),
                let subdirectories = number(upTo: UInt64(entries))
            else { return nil }
            directories.append(
                TorrentLayout.Directory(
                    parent: UInt32(parent),
                    entries: start..<start + entries,
                    subdirectoryCount: UInt32(subdirectories)
                )
            )
            start += entries
        }
        return start == entryCount ? directories : nil
    }

    mutating func entries(
        _ count: Int,
        directoryCount: Int,
        fileCount: Int
    ) -> ([TorrentLayout.Entry], names: [UInt8])? {
        var entries: [TorrentLayout.Entry] = []
        entries.reserveCapacity(count)
        var start: UInt32 = 0
        for _ in 0..<count {
            guard let length = byte(), let target = number(),
                target >> 1 < UInt64(target & 1 == 1 ? fileCount : directoryCount)
            else { return nil }
            let number = UInt32(target >> 1)
            entries.append(
                TorrentLayout.Entry(
                    nameStart: start,
                    nameLength: length,
                    target: target & 1 == 1 ? .file(number) : .directory(number)
                )
            )
            start += UInt32(length)
        }
        guard let names = bytes(Int(start)) else { return nil }
        return (entries, names)
    }

    /// Within each directory the positions of its entries.
    mutating func order(of directories: [TorrentLayout.Directory]) -> [UInt32]? {
        var order: [UInt32] = []
        for directory in directories {
            for _ in directory.entries {
                guard let position = number(upTo: UInt64(UInt32.max)),
                    directory.entries.contains(position)
                else { return nil }
                order.append(UInt32(position))
            }
        }
        return order
    }
}

extension [UInt8] {
    fileprivate mutating func appendNumber(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}
