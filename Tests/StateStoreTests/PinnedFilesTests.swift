import BitTorrentProtocol
import StateStore
import Testing

@Suite struct PinnedFilesTests {
    @Test func areWhateverIsNamedOnceInOrder() {
        #expect(PinnedFiles([]) == .nothing)
        #expect(PinnedFiles([7...9, 0...1, 2...2, 8...12]) == .files([0...2, 7...12]))
    }

    @Test func addUp() {
        let some = PinnedFiles([1...2])
        #expect(some.union(.nothing) == some && PinnedFiles.nothing.union(some) == some)
        #expect(some.union(.all) == .all && PinnedFiles.all.union(some) == .all)
        #expect(some.union(.files([0...0, 5...5])) == .files([0...2, 5...5]))
    }

    @Test func areTakenAway() {
        func less(_ files: PinnedFiles, _ others: PinnedFiles) -> PinnedFiles {
            files.subtracting(others, fileCount: 10)
        }
        #expect(less(.all, .all) == .nothing && less(.all, .nothing) == .all)
        #expect(less(.all, .files([0...3, 9...9])) == .files([4...8]))
        #expect(less(.files([2...8]), .files([4...5, 8...20])) == .files([2...3, 6...7]))
        #expect(less(.files([2...8]), .files([0...9])) == .nothing)
        #expect(less(.nothing, .files([1...1])) == .nothing)
        // Which others there are is not known.
        #expect(PinnedFiles.all.subtracting(.files([1...1]), fileCount: 0) == .all)
    }

    /// Whether a file of ten is pinned, by every way to say it.
    @Test func agreeWithSetsOfNumbers() {
        var generator = SystemRandomNumberGenerator()
        func ranges() -> [ClosedRange<Int>] {
            (0..<Int.random(in: 0...4, using: &generator)).map { _ in
                let first = Int.random(in: 0..<10, using: &generator)
                return first...Int.random(in: first..<10, using: &generator)
            }
        }
        for _ in 0..<1000 {
            let (one, other) = (ranges(), ranges())
            let (ones, others) = (Set(one.joined()), Set(other.joined()))
            #expect(
                PinnedFiles(one).union(PinnedFiles(other))
                    == PinnedFiles(ones.union(others).map { $0...$0 })
            )
            #expect(
                PinnedFiles(one).subtracting(PinnedFiles(other), fileCount: 10)
                    == PinnedFiles(ones.subtracting(others).map { $0...$0 })
            )
        }
    }

    @Test func areKept() throws {
        let directory = try TemporaryDirectory()
        let infoHashes = try (1...3).map { byte in
            try #require(InfoHash(bytes: [UInt8](repeating: byte, count: 20)))
        }
        do {
            let store = try StateStore(directory: directory.path)
            try store.changePins(of: infoHashes[0]) { _ in .all }
            try store.changePins(of: infoHashes[1]) { _ in PinnedFiles([3...4, 8...8]) }
            try store.changePins(of: infoHashes[2]) { _ in .all }
        }
        let store = try StateStore(directory: directory.path)
        try store.changePins(of: infoHashes[2]) { pinned in
            #expect(pinned == .all)
            return .nothing
        }
        let left = PinnedFiles([3...3, 8...8])
        #expect(
            try store.changePins(of: infoHashes[1]) {
                $0.subtracting(.files([4...4]), fileCount: 9)
            }
                == left
        )
        for (infoHash, expected) in zip(infoHashes, [.all, left, .nothing]) {
            try store.changePins(of: infoHash) { pinned in
                #expect(pinned == expected)
                return pinned
            }
        }
    }
}
