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
        for number in 1...3 { choker.becameInterested(key(UInt64(number)), now: start) }
        #expect(choker.unchoked == [key(1), key(2)])
        choker.left(key(1))
        choker.becameInterested(key(3), now: start)
        #expect(choker.unchoked == [key(2), key(3)])
    }

    @Test func prefersThoseWhoGiveMostAndOneByChance() {
        var choker = Choker(slots: 4, seed: 1, now: start)
        choker.rechoke(candidates(1...20), isDownloading: true, now: after(10))
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
            choker.rechoke(candidates(1...20), isDownloading: true, now: after(10 * round))
            chosen.append(choker.optimistic)
        }
        for group in stride(from: 0, to: 30, by: 3) {
            #expect(Set(chosen[group..<group + 3]).count == 1)
        }
        #expect(Set(chosen).count >= 5)
    }

    @Test func everyoneIsServedWhenSlotsSuffice() {
        var choker = Choker(slots: 4, seed: 1, now: start)
        choker.rechoke(candidates(1...3), isDownloading: true, now: after(10))
        #expect(choker.unchoked == [key(1), key(2), key(3)])
        choker.rechoke([], isDownloading: true, now: after(20))
        #expect(choker.unchoked == [])
        #expect(choker.optimistic == nil)
    }

    @Test func oneThatSnubsUsIsServedOnlyIfNobodyElseWants() {
        let snubbing = Choker.Candidate(key: key(9), byteCount: 1_000_000, isSnubbing: true)
        var choker = Choker(slots: 4, seed: 1, now: start)
        for round in 1...3 {
            choker.rechoke(
                candidates(1...6) + [snubbing],
                isDownloading: true,
                now: after(10 * round)
            )
            let chosen = choker.unchoked.filter { $0 != choker.optimistic }
            #expect(!chosen.contains(key(9)))
        }
        choker.rechoke(candidates(1...2) + [snubbing], isDownloading: true, now: after(40))
        #expect(choker.unchoked.contains(key(9)))
    }

    @Test func aSeedServesEverybodyForTheSameTime() {
        var choker = Choker(slots: 4, seed: 1, now: start)
        var rounds: [PeerKey: Int] = [:]
        // Twenty peers, four slots, a minute each: five minutes a cycle.
        for round in 1...60 {
            choker.rechoke(candidates(1...20), isDownloading: false, now: after(10 * round))
            #expect(choker.unchoked.count == 4)
            for key in choker.unchoked { rounds[key, default: 0] += 1 }
        }
        #expect(rounds.count == 20)
        #expect(Set(rounds.values) == [12])
    }

    @Test func aTurnThatIsOverGoesOnWhileNobodyWaits() {
        var choker = Choker(slots: 4, seed: 1, now: start)
        for round in 1...30 {
            choker.rechoke(candidates(1...4), isDownloading: false, now: after(10 * round))
            #expect(choker.unchoked.count == 4)
        }
    }

    @Test func oneThatLosesInterestKeepsItsSlotWhileNobodyNeedsIt() {
        var choker = Choker(slots: 2, seed: 1, now: start)
        choker.becameInterested(key(1), now: start)
        choker.lostInterest(key(1))
        #expect(choker.unchoked == [key(1)])
        choker.rechoke(candidates(2...2), isDownloading: true, now: after(10))
        #expect(choker.unchoked == [key(1), key(2)])
        choker.rechoke(candidates(2...3), isDownloading: true, now: after(20))
        #expect(choker.unchoked == [key(2), key(3)])
    }

    @Test func interestThatComesAndGoesDoesNotFlap() {
        var choker = Choker(slots: 1, seed: 1, now: start)
        choker.becameInterested(key(1), now: start)
        choker.lostInterest(key(1))
        choker.becameInterested(key(2), now: after(1))
        #expect(choker.unchoked == [key(2)])
        choker.lostInterest(key(2))
        choker.becameInterested(key(1), now: after(2))
        choker.becameInterested(key(1), now: after(10))
        #expect(choker.unchoked == [key(2)])
        choker.becameInterested(key(1), now: after(11))
        #expect(choker.unchoked == [key(1)])
    }

    @Test func whoWasJustUnchokedStaysForARound() {
        var choker = Choker(slots: 2, seed: 1, now: start)
        choker.rechoke(candidates(1...1), isDownloading: true, now: after(10))
        choker.becameInterested(key(2), now: after(15))
        let others = (3...9).map { Choker.Candidate(key: key($0), byteCount: 1_000_000) }
        let newcomer = Choker.Candidate(key: key(2), byteCount: 0)
        choker.rechoke(others + [newcomer], isDownloading: true, now: after(20))
        #expect(choker.unchoked.contains(key(2)))
        choker.rechoke(others + [newcomer], isDownloading: true, now: after(30))
        #expect(choker.optimistic == key(2) || !choker.unchoked.contains(key(2)))
    }
}
