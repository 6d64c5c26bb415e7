import Testing
import TorrentLogic

@Suite struct FairTurnsTests {
    typealias Turns = FairTurns<Int>

    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    func turns(places: Int, keys: Range<Int>) -> Turns {
        var turns = Turns(
            places: places,
            turn: .seconds(100),
            pause: .seconds(50),
            maximumPause: .seconds(1000)
        )
        for key in keys { turns.add(key, now: start) }
        return turns
    }

    @Test func whereThereIsAPlaceForEverybodyNobodyStops() {
        var turns = turns(places: 3, keys: 0..<3)
        #expect(turns.advance(now: start) == [.begin(0), .begin(1), .begin(2)])
        #expect(turns.advance(now: after(10_000)) == [])
        #expect(turns.nextDeadline(now: after(10_000)) == nil)
    }

    @Test func othersComeWhenATurnIsOver() {
        var turns = turns(places: 2, keys: 0..<3)
        #expect(turns.advance(now: start) == [.begin(0), .begin(1)])
        #expect(turns.nextDeadline(now: start) == after(100))
        #expect(turns.advance(now: after(99)) == [])
        #expect(turns.advance(now: after(100)) == [.end(0), .begin(2)])
        // 0 pauses for 50 s, and then waits for the end of a turn.
        #expect(turns.advance(now: after(149)) == [])
        #expect(turns.advance(now: after(150)) == [.end(1), .begin(0)])
    }

    @Test func progressIsAReasonToGoOn() {
        var turns = turns(places: 1, keys: 0..<2)
        #expect(turns.advance(now: start) == [.begin(0)])
        turns.progressed(0, now: after(90))
        #expect(turns.advance(now: after(100)) == [])
        #expect(turns.advance(now: after(190)) == [.end(0), .begin(1)])
    }

    @Test func whoIsDoneMakesRoomAtOnce() {
        var turns = turns(places: 1, keys: 0..<2)
        #expect(turns.advance(now: start) == [.begin(0)])
        turns.remove(0)
        #expect(turns.advance(now: after(1)) == [.begin(1)])
        #expect(!turns.contains(0) && turns.isWorking(1))
    }

    /// Of ten thousand everybody has a turn before anybody has a second one, and for ever.
    @Test func everybodyHasATurnAgainAndAgain() {
        var turns = turns(places: 50, keys: 0..<10_000)
        var counts = [Int](repeating: 0, count: 10_000)
        var now = start
        var working = 0
        for _ in 0..<3 * 10_000 {
            for action in turns.advance(now: now) {
                switch action {
                case .begin(let key):
                    counts[key] += 1
                    working += 1
                case .end: working -= 1
                }
            }
            #expect(working <= 50)
            guard let next = turns.nextDeadline(now: now) else { break }
            now = max(next, now + .seconds(1))
            if counts.allSatisfy({ $0 >= 2 }) { break }
        }
        #expect(counts.allSatisfy { $0 >= 2 })
        #expect((counts.max() ?? 0) - (counts.min() ?? 0) <= 1)
    }

    @Test func theHopelessComeLessAndLessOften() {
        var turns = turns(places: 1, keys: 0..<2)
        var begun: [Int: [Int]] = [:]
        for second in stride(from: 0, to: 20_000, by: 10) {
            // 1 makes progress whenever it works.
            if turns.isWorking(1) { turns.progressed(1, now: after(second)) }
            for case .begin(let key) in turns.advance(now: after(second)) {
                begun[key, default: []].append(second)
            }
            // It rests now and then, which lets the other one in.
            if second % 500 == 490 {
                turns.remove(1)
                turns.add(1, now: after(second))
            }
        }
        #expect((begun[0]?.count ?? 0) > 1)
        #expect((begun[1]?.count ?? 0) > 10)
    }
}
