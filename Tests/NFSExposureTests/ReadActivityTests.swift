import Testing
import VirtualTree

@testable import NFSExposure

@Suite struct ReadActivityTests {
    private let start = ContinuousClock.now
    private let tree = FakeTree()

    private func file(_ index: UInt32) -> FakeFile {
        tree.addFile(Array("\(index)".utf8), index: index, bytes: [1], to: tree.top)
    }

    @Test func theRateIsThatOfTheLastSeconds() {
        var activity = ReadActivity()
        let film = file(1)
        func rate(_ second: Int) -> Double {
            activity.entries[0].bytesPerSecond(now: start + .seconds(second))
        }
        for second in 0..<20 {
            let now = start + .seconds(second)
            activity.answered(film, at: UInt64(second) * 1000, count: 1000, now: now)
        }
        #expect(abs(rate(20) - 1000) < 1)
        #expect(activity.entries[0].offset == 20_000 && activity.entries[0].byteCount == 20_000)
        #expect(rate(26) < 500)
        #expect(rate(40) == 0)
        activity.answered(film, at: 0, count: 7000, now: start + .seconds(60))
        #expect(rate(61) <= 7000 && rate(67) == 1000)
    }

    @Test func theFirstReadIsNoRateOfGigabytes() {
        var activity = ReadActivity()
        activity.answered(file(1), at: 0, count: 1000, now: start)
        #expect(activity.entries[0].bytesPerSecond(now: start + .microseconds(1)) == 1000)
    }

    @Test func theFilesThatWereReadLastAreKept() {
        var activity = ReadActivity()
        let files = (0..<40).map { file($0) }
        for (second, file) in files.enumerated() {
            activity.answered(files[0], at: 0, count: 1, now: start + .seconds(second))
            activity.answered(file, at: 0, count: 1, now: start + .seconds(second))
        }
        #expect(activity.entries.count == 16)
        #expect(activity.entries.first?.file.id == files[39].id)
        #expect(activity.entries.contains { $0.file.id == files[0].id })
    }
}
