import Testing
import TorrentLogic

@Suite struct AnnounceScheduleTests {
    typealias Action = AnnounceSchedule.Action
    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    func succeed(
        _ schedule: inout AnnounceSchedule,
        _ tracker: String = "a",
        interval: Int,
        minimum: Int? = nil,
        at time: Int = 0
    ) {
        schedule.succeeded(
            tracker: tracker,
            interval: .seconds(interval),
            minimumInterval: minimum.map { .seconds($0) },
            now: after(time)
        )
    }

    func started(interval: Int = 1800, minimum: Int? = nil) -> AnnounceSchedule {
        var schedule = AnnounceSchedule(tiers: [["a"]], seed: 1)
        schedule.start(now: start)
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .started)])
        succeed(&schedule, interval: interval, minimum: minimum)
        return schedule
    }

    @Test func announcesNothingBeforeItStartsAndNothingWithoutATracker() {
        var schedule = AnnounceSchedule(tiers: [["a"]], seed: 1)
        schedule.timerFired(now: after(10_000))
        schedule.stop(now: after(10_000))
        #expect(schedule.takeActions() == [])
        #expect(schedule.nextDeadline == nil)
        var empty = AnnounceSchedule(tiers: [[]], seed: 1)
        empty.start(now: start)
        #expect(empty.takeActions() == [])
        #expect(empty.nextDeadline == nil)
    }

    @Test func keepsTheInterval() {
        var schedule = started()
        #expect(schedule.nextDeadline == after(1800))
        schedule.timerFired(now: after(1799))
        #expect(schedule.takeActions() == [])
        schedule.timerFired(now: after(1800))
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .update)])
    }

    @Test(arguments: [(1, nil, 60), (100, 200, 200), (1_000_000, nil, 3600), (-5, -7, 60)])
    func boundsTheInterval(interval: Int, minimum: Int?, expected: Int) {
        #expect(started(interval: interval, minimum: minimum).nextDeadline == after(expected))
    }

    @Test func startedIsRepeatedUntilItSucceeds() {
        var schedule = AnnounceSchedule(tiers: [["a"]], seed: 1)
        schedule.start(now: start)
        _ = schedule.takeActions()
        schedule.failed(tracker: "a", retryAfter: nil, now: start)
        #expect(schedule.nextDeadline == after(5))
        schedule.timerFired(now: after(5))
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .started)])
        schedule.failed(tracker: "a", retryAfter: nil, now: after(5))
        #expect(schedule.nextDeadline == after(15))
    }

    @Test func failuresBackOffToAnHour() {
        var schedule = AnnounceSchedule(tiers: [["a"]], seed: 1)
        schedule.start(now: start)
        var now = start
        var waits: [Duration] = []
        for _ in 0..<14 {
            _ = schedule.takeActions()
            schedule.failed(tracker: "a", retryAfter: nil, now: now)
            let next = schedule.nextDeadline ?? now
            waits.append(next - now)
            now = next
            schedule.timerFired(now: now)
        }
        #expect(Array(waits.prefix(3)) == [5, 10, 20].map { Duration.seconds($0) })
        #expect(waits.last == .seconds(3600))
    }

    @Test func honoursTheTrackersWishToRetryLater() {
        var schedule = AnnounceSchedule(tiers: [["a"]], seed: 1)
        schedule.start(now: start)
        schedule.failed(tracker: "a", retryAfter: .seconds(600), now: start)
        #expect(schedule.nextDeadline == after(600))
    }

    @Test func aTrackerThatWantsNeverToBeAskedAgainIsNot() {
        var schedule = AnnounceSchedule(tiers: [["a"], ["b"]], seed: 1)
        schedule.start(now: start)
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .started)])
        schedule.refusedForGood(tracker: "a", now: start)
        #expect(schedule.takeActions() == [.announce(tracker: "b", event: .started)])
        succeed(&schedule, "b", interval: 1800)
        schedule.timerFired(now: after(1800))
        #expect(schedule.takeActions() == [.announce(tracker: "b", event: .update)])
        // With the last one the announces end.
        schedule.refusedForGood(tracker: "b", now: after(1800))
        #expect(schedule.takeActions() == [] && schedule.nextDeadline == nil)
        schedule.update(hasDemand: true, usablePeerCount: 0, now: after(1801))
        schedule.completed(now: after(1802))
        schedule.stop(now: after(1803))
        schedule.start(now: after(1804))
        #expect(schedule.takeActions() == [] && schedule.nextDeadline == nil)
    }

    @Test func aFurtherTrackerThatWantsNeverToBeAskedAgainIsNot() {
        var schedule = AnnounceSchedule(tiers: [["a"], ["b"]], seed: 1)
        schedule.start(now: start)
        schedule.update(hasDemand: true, usablePeerCount: 1, now: start)
        schedule.timerFired(now: after(2))
        #expect(
            schedule.takeActions() == [
                .announce(tracker: "a", event: .started), .announce(tracker: "b", event: .started),
            ]
        )
        schedule.refusedForGood(tracker: "b", now: after(2))
        succeed(&schedule, "a", interval: 1800, at: 2)
        schedule.timerFired(now: after(1802))
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .update)])
    }

    @Test func triesTheTiersInOrderAndPromotesWhoAnswers() {
        var schedule = AnnounceSchedule(tiers: [["a", "b", "c"], ["d"]], seed: 3)
        schedule.start(now: start)
        var asked: [String] = []
        while case .announce(let tracker, _)? = schedule.takeActions().first, tracker != "d" {
            asked.append(tracker)
            schedule.failed(tracker: tracker, retryAfter: nil, now: start)
        }
        #expect(asked.sorted() == ["a", "b", "c"])
        succeed(&schedule, "d", interval: 60)
        schedule.timerFired(now: after(60))
        #expect(schedule.takeActions() == [.announce(tracker: asked[0], event: .started)])
        schedule.failed(tracker: asked[0], retryAfter: nil, now: after(60))
        #expect(schedule.takeActions() == [.announce(tracker: asked[1], event: .started)])
        succeed(&schedule, asked[1], interval: 60, at: 60)
        schedule.timerFired(now: after(120))
        #expect(schedule.takeActions() == [.announce(tracker: asked[1], event: .update)])
    }

    @Test func theShuffleDependsOnTheSeedOnly() {
        let names = (0..<10).map { "\($0)" }
        func first(_ seed: UInt64) -> [Action] {
            var schedule = AnnounceSchedule(tiers: [names], seed: seed)
            schedule.start(now: start)
            return schedule.takeActions()
        }
        #expect(first(1) == first(1))
        #expect(Set((0..<50).map { "\(first(UInt64($0)))" }).count > 3)
    }

    @Test func announcesSoonerWhenAReaderWaitsAndNoPeerGives() {
        var schedule = started()
        schedule.update(hasDemand: true, usablePeerCount: 0, now: after(3))
        #expect(schedule.nextDeadline == after(15))
        schedule.timerFired(now: after(15))
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .update)])
    }

    @Test func theMinimumIntervalHoldsEvenThen() {
        var schedule = started(minimum: 300)
        schedule.update(hasDemand: true, usablePeerCount: 0, now: after(3))
        #expect(schedule.nextDeadline == after(300))
    }

    @Test func demandThatIsServedNeedsNoAnnounce() {
        var schedule = started()
        schedule.update(hasDemand: true, usablePeerCount: 2, now: after(3))
        #expect(schedule.nextDeadline == after(1800))
    }

    @Test func completedIsToldOnce() {
        var schedule = started()
        schedule.completed(now: after(10))
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .completed)])
        succeed(&schedule, interval: 1800, at: 10)
        // A piece was given up and came again.
        schedule.completed(now: after(20))
        #expect(schedule.takeActions() == [])
        schedule.timerFired(now: after(1810))
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .update)])
        schedule.stop(now: after(1820))
        schedule.start(now: after(1830))
        _ = schedule.takeActions()
        succeed(&schedule, interval: 1800, at: 1831)
        schedule.completed(now: after(1840))
        #expect(schedule.takeActions() == [])
    }

    @Test func completedDuringAnAnnounceFollowsIt() {
        var schedule = AnnounceSchedule(tiers: [["a"]], seed: 1)
        schedule.start(now: start)
        _ = schedule.takeActions()
        schedule.completed(now: after(1))
        #expect(schedule.takeActions() == [])
        succeed(&schedule, interval: 1800, at: 2)
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .completed)])
    }

    @Test func stoppedGoesToTrackersThatKnowUs() {
        var schedule = started()
        schedule.stop(now: after(10))
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .stopped)])
        #expect(schedule.nextDeadline == nil)
        succeed(&schedule, interval: 1800, at: 11)
        #expect(schedule.nextDeadline == nil)
        schedule.start(now: after(20))
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .started)])
    }

    @Test func answersOfStrangersAreIgnored() {
        var schedule = started()
        succeed(&schedule, "b", interval: 60, at: 5)
        schedule.failed(tracker: "a", retryAfter: nil, now: after(5))
        #expect(schedule.nextDeadline == after(1800))
    }

    // MARK: Trackers beside the regular one

    /// Three tiers, the first being asked, a reader waiting.
    func waiting(isPrivate: Bool = false) -> AnnounceSchedule {
        var schedule = AnnounceSchedule(
            tiers: [["a"], ["b"], ["c"]],
            isPrivate: isPrivate,
            seed: 1
        )
        schedule.start(now: start)
        schedule.update(hasDemand: true, usablePeerCount: 0, now: start)
        #expect(schedule.takeActions() == [.announce(tracker: "a", event: .started)])
        return schedule
    }

    @Test func asksFurtherTrackersEveryTwoSecondsWhileAReaderWaits() {
        var schedule = waiting()
        #expect(schedule.nextDeadline == after(2))
        schedule.timerFired(now: after(1))
        #expect(schedule.takeActions() == [])
        schedule.timerFired(now: after(2))
        #expect(schedule.takeActions() == [.announce(tracker: "b", event: .started)])
        schedule.timerFired(now: after(4))
        #expect(schedule.takeActions() == [.announce(tracker: "c", event: .started)])
        #expect(schedule.nextDeadline == nil)
    }

    @Test func asksOneTrackerAtATimeForAPrivateTorrent() {
        var schedule = waiting(isPrivate: true)
        #expect(schedule.nextDeadline == nil)
        schedule.timerFired(now: after(2))
        #expect(schedule.takeActions() == [])
    }

    @Test func fivePeersAreEnough() {
        var schedule = waiting()
        schedule.update(hasDemand: true, usablePeerCount: 5, now: after(1))
        #expect(schedule.nextDeadline == nil)
        schedule.update(hasDemand: true, usablePeerCount: 4, now: after(3))
        #expect(schedule.nextDeadline == after(5))
    }

    @Test func aTrackerAskedBesideIsNotAskedAgainBeforeItsInterval() {
        var schedule = waiting()
        schedule.timerFired(now: after(2))
        succeed(&schedule, "b", interval: 600, at: 3)
        schedule.timerFired(now: after(4))
        schedule.failed(tracker: "c", retryAfter: .seconds(3600), now: after(5))
        #expect(
            schedule.takeActions() == [
                .announce(tracker: "b", event: .started), .announce(tracker: "c", event: .started),
            ]
        )
        #expect(schedule.nextDeadline == after(603))
        schedule.timerFired(now: after(603))
        #expect(schedule.takeActions() == [.announce(tracker: "b", event: .update)])
    }

    @Test func afterAFailureGoesOnWithTheOneThatAnsweredBeside() {
        var schedule = waiting()
        schedule.timerFired(now: after(2))
        succeed(&schedule, "b", interval: 600, at: 3)
        schedule.update(hasDemand: true, usablePeerCount: 5, now: after(3))
        _ = schedule.takeActions()
        schedule.failed(tracker: "a", retryAfter: .seconds(1200), now: after(30))
        #expect(schedule.takeActions() == [])
        #expect(schedule.nextDeadline == after(603))
    }

    @Test func stoppedGoesToAllThatKnowUs() {
        var schedule = waiting()
        schedule.timerFired(now: after(2))
        succeed(&schedule, "b", interval: 600, at: 3)
        succeed(&schedule, "a", interval: 600, at: 3)
        _ = schedule.takeActions()
        schedule.stop(now: after(4))
        #expect(
            schedule.takeActions() == [
                .announce(tracker: "a", event: .stopped), .announce(tracker: "b", event: .stopped),
            ]
        )
        #expect(schedule.nextDeadline == nil)
        schedule.failed(tracker: "c", retryAfter: nil, now: after(5))
        #expect(schedule.takeActions() == [])
    }

    @Test func furtherTrackersOfLargeSwarmsComeFirst() {
        var schedule = AnnounceSchedule(tiers: [["a"], ["b"], ["c"], ["d"]], seed: 1)
        schedule.start(now: start)
        #expect(!schedule.asksFurtherTrackers)
        schedule.update(hasDemand: true, usablePeerCount: 0, now: start)
        #expect(schedule.asksFurtherTrackers && schedule.isAsking("a"))
        schedule.learned(peerCount: 0, at: "b")
        schedule.learned(peerCount: 70, at: "d")
        schedule.timerFired(now: after(2))
        schedule.timerFired(now: after(4))
        schedule.timerFired(now: after(6))
        #expect(
            schedule.takeActions()
                == ["a", "d", "c", "b"].map { .announce(tracker: $0, event: .started) }
        )
    }
}
