import BitTorrentProtocol

/// Places the files of a torrent into directories and gives each a name that is free.
///
/// Directories come first, then the files that can have their own name, then those whose name is
/// taken (by a file earlier in the metainfo or by a directory), which are numbered `bar (2).txt`.
/// So no file loses its name to a number, and every step costs a dictionary look-up.
struct TorrentLayoutBuilder {
    /// Levels below the torrent's top directory; what lies deeper moves up into the last one.
    static let maximumDepth = 100

    private struct Slot: Hashable {
        let directory: UInt32
        let name: [UInt8]
    }

    private(set) var names: [UInt8] = []
    private var parents: [UInt32] = [0]
    private var taken: [Slot: TorrentLayout.Target] = [:]
    /// Every entry with its directory, in the order of its making.
    private var placed: [(directory: UInt32, entry: TorrentLayout.Entry)] = []
    /// Of names that differ in a number of so many digits alone.
    private var nextNumber: [Slot: Int] = [:]

    /// - Returns: the directory of each file; `hidden` for padding and for symbolic links.
    mutating func placeFiles(of info: TorrentInfo, hidden: UInt32) -> [UInt32] {
        var wanted: [(directory: UInt32, name: [UInt8])?] = []
        wanted.reserveCapacity(info.files.count)
        for file in info.files {
            wanted.append(Self.isShown(file) ? place(file.path) : nil)
        }
        var renamed: [Int] = []
        for (number, wish) in wanted.enumerated() {
            guard let wish else { continue }
            let slot = Slot(directory: wish.directory, name: wish.name)
            if !claim(slot, for: .file(UInt32(number))) { renamed.append(number) }
        }
        for number in renamed {
            guard let wish = wanted[number] else { continue }
            claimNumbered(Slot(directory: wish.directory, name: wish.name), file: number)
        }
        return wanted.map { $0?.directory ?? hidden }
    }

    /// The entries in runs, one run for each directory, each run in the order of making.
    func grouped() -> ([TorrentLayout.Directory], [TorrentLayout.Entry]) {
        var starts = [Int](repeating: 0, count: parents.count + 1)
        var subdirectories = [UInt32](repeating: 0, count: parents.count)
        for (directory, entry) in placed {
            starts[Int(directory) + 1] += 1
            if case .directory = entry.target { subdirectories[Int(directory)] += 1 }
        }
        for position in 1..<starts.count { starts[position] += starts[position - 1] }
        var next = starts
        var entries = placed.map(\.entry)
        for (directory, entry) in placed {
            entries[next[Int(directory)]] = entry
            next[Int(directory)] += 1
        }
        let directories = parents.indices.map { number in
            TorrentLayout.Directory(
                parent: parents[number],
                entries: starts[number]..<starts[number + 1],
                subdirectoryCount: subdirectories[number]
            )
        }
        return (directories, entries)
    }

    /// Padding exists so that files start at a piece (BEP 47, and two older spellings of it); links
    /// have no bytes.
    private static func isShown(_ file: TorrentInfo.File) -> Bool {
        if !file.attributes.isDisjoint(with: [.padding, .symlink]) { return false }
        if file.path.last?.starts(with: "_____padding_file_".utf8) == true { return false }
        let isNumberBelowPad =
            file.path.count == 2 && file.path[0].elementsEqual(".pad".utf8)
            && file.path[1].allSatisfy { (0x30...0x39).contains($0) }
        return !isNumberBelowPad
    }

    private mutating func place(_ path: [[UInt8]]) -> (directory: UInt32, name: [UInt8]) {
        let components = path.compactMap(FileName.component)
        var directory: UInt32 = 0
        for component in components.dropLast().prefix(Self.maximumDepth) {
            directory = subdirectory(Slot(directory: directory, name: component))
        }
        return (directory, components.last ?? FileName.placeholder)
    }

    private mutating func subdirectory(_ slot: Slot) -> UInt32 {
        if case .directory(let number) = taken[slot] { return number }
        let number = UInt32(parents.count)
        parents.append(slot.directory)
        _ = claim(slot, for: .directory(number))
        return number
    }

    /// - Returns: false if the name is taken.
    private mutating func claim(_ slot: Slot, for target: TorrentLayout.Target) -> Bool {
        guard taken[slot] == nil else { return false }
        taken[slot] = target
        let entry = TorrentLayout.Entry(
            nameStart: UInt32(names.count),
            nameLength: UInt8(slot.name.count),
            target: target
        )
        names.append(contentsOf: slot.name)
        placed.append((slot.directory, entry))
        return true
    }

    /// Takes the first number that is free.
    ///
    /// Long names are cut so that the number fits, and then many have one beginning: it is the
    /// numbered names that remember how far they are, or hostile names would make each file try
    /// what all before it have tried.
    private mutating func claimNumbered(_ slot: Slot, file: Int) {
        var numbers = 2..<10
        while true {
            // No number begins with a zero, so this is the name of the family and of no file.
            let zeros = String(repeating: "0", count: "\(numbers.lowerBound)".utf8.count)
            let family = numbered(slot, zeros)
            let next = max(numbers.lowerBound, nextNumber[family] ?? 0)
            for number in next..<numbers.upperBound {
                nextNumber[family] = number + 1
                if claim(numbered(slot, "\(number)"), for: .file(UInt32(file))) { return }
            }
            numbers = numbers.upperBound..<10 * numbers.upperBound
        }
    }

    private func numbered(_ slot: Slot, _ mark: String) -> Slot {
        Slot(directory: slot.directory, name: FileName.marked(slot.name, with: mark))
    }
}
