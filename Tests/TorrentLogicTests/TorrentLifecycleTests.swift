import Testing
import TorrentLogic

@Suite struct TorrentLifecycleTests {
    typealias Instant = ContinuousClock.Instant

    let start = ContinuousClock.now
    func after(_ seconds: Int) -> Instant { start + .seconds(seconds) }

    func lifecycle(
        traffic: TorrentLifecycle.Traffic = .init(),
        _ configure: (inout TorrentLifecycle.Policy) -> Void = { _ in }
    ) -> TorrentLifecycle {
        var policy = TorrentLifecycle.Policy(idleTime: .seconds(600))
        configure(&policy)
        return TorrentLifecycle(policy: policy, traffic: traffic, now: start)
    }

    func situation(
        readers: Bool = false,
        busy: Bool = false,
        held: UInt64 = 0,
        complete: Bool = false
    ) -> TorrentLifecycle.Situation {
        var situation = TorrentLifecycle.Situation()
        situation.hasReaders = readers
        situation.isBusy = busy
        situation.heldByteCount = held
        situation.isComplete = complete
        return situation
    }

    @Test func coolsAfterTheIdleTime() {
        let lifecycle = lifecycle()
        #expect(lifecycle.nextDeadline(now: start) == after(600))
        #expect(!lifecycle.mayCool(now: after(599)))
        #expect(lifecycle.mayCool(now: after(600)))
    }

    @Test func everyReadBeginsTheIdleTimeAnew() {
        var lifecycle = lifecycle()
        lifecycle.wasRead(now: after(500))
        #expect(!lifecycle.mayCool(now: after(1099)))
        #expect(lifecycle.mayCool(now: after(1100)))
    }

    @Test func aReaderThatWaitsKeepsItActive() {
        var lifecycle = lifecycle()
        lifecycle.update(situation(readers: true), now: after(1))
        #expect(lifecycle.nextDeadline(now: after(1)) == nil)
        #expect(!lifecycle.mayCool(now: after(100_000)))
        lifecycle.update(situation(), now: after(100_000))
        #expect(!lifecycle.mayCool(now: after(100_599)))
        #expect(lifecycle.mayCool(now: after(100_600)))
    }

    @Test func nothingIsCooledBeforeItsPiecesAreWritten() {
        var lifecycle = lifecycle()
        lifecycle.update(situation(busy: true), now: after(599))
        #expect(!lifecycle.mayCool(now: after(5000)))
        lifecycle.update(situation(), now: after(5000))
        #expect(lifecycle.mayCool(now: after(5000)))
    }

    @Test func aPinKeepsItActiveUntilItIsWhole() {
        var lifecycle = lifecycle { $0.isPinned = true }
        #expect(!lifecycle.mayCool(now: after(100_000)))
        lifecycle.update(situation(held: 10, complete: true), now: after(100_000))
        #expect(lifecycle.mayCool(now: after(100_600)))
    }

    @Test func whatItHoldsIsOfferedUntilItHasSeededEnough() {
        var lifecycle = lifecycle { $0.ratioLimit = 2 }
        #expect(!lifecycle.isOffered(now: start))
        lifecycle.update(situation(held: 100, complete: true), now: start)
        #expect(lifecycle.isOffered(now: start))
        lifecycle.uploaded(200, now: after(1))
        #expect(!lifecycle.isOffered(now: after(1)))
        #expect(self.lifecycle { $0.seeds = true }.isOffered(now: start))
    }

    @Test func peersThatAreServedKeepItActiveUntilItHasSeededEnough() {
        var lifecycle = lifecycle { $0.ratioLimit = 2 }
        lifecycle.update(situation(held: 100), now: start)
        lifecycle.downloaded(100)
        lifecycle.uploaded(199, now: after(500))
        #expect(!lifecycle.mayCool(now: after(1099)))
        lifecycle.uploaded(1, now: after(1000))
        #expect(lifecycle.hasSeededEnough(now: after(1000)))
        #expect(lifecycle.mayCool(now: after(1100)))
    }

    @Test func aSeedStaysUntilARatioIsReached() {
        var lifecycle = lifecycle {
            $0.seeds = true
            $0.ratioLimit = 1
        }
        lifecycle.update(situation(held: 100, complete: true), now: start)
        #expect(lifecycle.isSeeding(now: after(100_000)))
        #expect(lifecycle.nextDeadline(now: after(100_000)) == nil)
        lifecycle.uploaded(100, now: after(100_000))
        #expect(!lifecycle.isSeeding(now: after(100_000)))
        #expect(lifecycle.mayCool(now: after(100_600)))
    }

    @Test func aSeedStaysUntilItsTimeIsOver() {
        var lifecycle = lifecycle(traffic: .init(seeded: .seconds(1000))) {
            $0.seeds = true
            $0.timeLimit = .seconds(3000)
        }
        // Not whole: no time is counted.
        #expect(lifecycle.isSeeding(now: after(50_000)))
        lifecycle.update(situation(held: 1, complete: true), now: after(50_000))
        #expect(lifecycle.nextDeadline(now: after(50_000)) == after(52_000))
        #expect(lifecycle.isSeeding(now: after(51_999)))
        #expect(!lifecycle.isSeeding(now: after(52_000)))
        #expect(lifecycle.mayCool(now: after(52_000)))
        #expect(lifecycle.traffic(now: after(52_000)).seeded == .seconds(3000))
    }

    @Test func countsOnFromEarlierDays() {
        var lifecycle = lifecycle(traffic: .init(uploaded: 90, downloaded: 100)) {
            $0.ratioLimit = 1
        }
        #expect(!lifecycle.hasSeededEnough(now: start))
        lifecycle.uploaded(10, now: after(1))
        #expect(lifecycle.hasSeededEnough(now: after(1)))
        #expect(lifecycle.traffic(now: after(1)).uploaded == 100)
    }

    @Test func aWishThatEndsLeavesTheIdleTime() {
        var lifecycle = lifecycle { $0.seeds = true }
        lifecycle.setPolicy(TorrentLifecycle.Policy(idleTime: .seconds(600)), now: after(9000))
        #expect(!lifecycle.mayCool(now: after(9599)))
        #expect(lifecycle.mayCool(now: after(9600)))
    }
}
