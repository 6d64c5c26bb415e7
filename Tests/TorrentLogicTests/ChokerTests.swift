import Testing
import TorrentLogic

@Suite struct ChokerTests {
    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
    func key(_ number: UInt64) -> PeerKey { PeerKey(rawValue: number) }
    func candidates(_ numbers: ClosedRange<UInt64>) -> [Choker.Candidate] {
        numbers.map { Choker.Candidate(key: key($0), byteCount: $0 * 1000) }
    }

    @Test func unchokesAtOnceWhileSlotsAreFree() {
        var choker = Choker(slots: 2, seed: 1, now: start)
        #expect(choker.becameInterested(key(1)) == true)
        #expect(choker.becameInterested(key(2)) == true)
        #expect(choker.becameInterested(key(3)) == false)
        choker.left(key(1))
        #expect(choker.becameInterested(key(3)) == true)
        #expect(choker.unchoked == [key(2), key(3)])
    }

    @Test func prefersThoseWhoGiveMostAndOneByChance() {
        var choker = Choker(slots: 4, seed: 1, now: start)
        choker.rechoke(candidates(1...20), now: after(10))
        #expect(choker.nextRound == after(20))
        #expect(choker.unchoked.count == 4)
        let best = Set((17...20).map { key($0) })
        #expect(best.intersection(choker.unchoked).count >= 3)
        #expect(choker.optimistic.map { choker.unchoked.contains($0) } == true)
    }

    @Test func theOptimisticOneChangesEveryThirtySeconds() {
        var choker = Choker(slots: 2, seed: 5, now: start)
        var chosen: [PeerKey?] = []
        for round in 1...30 {
            choker.rechoke(candidates(1...20), now: after(10 * round))
            chosen.append(choker.optimistic)
        }
        for group in stride(from: 0, to: 30, by: 3) {
            #expect(Set(chosen[group..<group + 3]).count == 1)
        }
        #expect(Set(chosen).count >= 5)
    }

    @Test func everyoneIsServedWhenSlotsSuffice() {
        var choker = Choker(slots: 4, seed: 1, now: start)
        choker.rechoke(candidates(1...3), now: after(10))
        #expect(choker.unchoked == [key(1), key(2), key(3)])
        choker.rechoke([], now: after(20))
        #expect(choker.unchoked == [])
        #expect(choker.optimistic == nil)
    }
}
