import NFSExposure
import Testing

@Suite struct ReadWaitTests {
    private let start = ContinuousClock.now

    private func wait(
        _ length: UInt64 = 65536,
        stallTimeout: Duration? = .seconds(25)
    ) -> ReadWait {
        ReadWait(length: length, policy: ReadWaitPolicy(stallTimeout: stallTimeout), now: start)
    }

    @Test func answersWholeRangeAtOnce() {
        var wait = wait()
        #expect(wait.handle(.verified(65536), now: start) == .answer(65536))
    }

    @Test func answersMoreThanTheRangeWithTheRange() {
        var wait = wait()
        #expect(wait.handle(.verified(.max), now: start) == .answer(65536))
    }

    @Test func answersPrefixAfterOneSecond() {
        var wait = wait()
        #expect(wait.handle(.verified(10000), now: start + .seconds(2)) == .wait)
        #expect(wait.deadline == start + .seconds(3))
        #expect(wait.handle(.timer, now: start + .milliseconds(2999)) == .wait)
        #expect(wait.handle(.timer, now: start + .seconds(3)) == .answer(8192))
    }

    @Test func prefixThatGrowsDoesNotWaitLonger() {
        var wait = wait()
        #expect(wait.handle(.verified(1), now: start) == .wait)
        #expect(wait.handle(.verified(20000), now: start + .milliseconds(900)) == .wait)
        #expect(wait.handle(.timer, now: start + .seconds(1)) == .answer(16384))
    }

    @Test func prefixBelowAPageIsAnsweredAsItIs() {
        var wait = wait()
        _ = wait.handle(.verified(1), now: start)
        #expect(wait.handle(.timer, now: start + .seconds(1)) == .answer(1))
    }

    @Test func prefixCompletedInTimeIsAnsweredWhole() {
        var wait = wait()
        _ = wait.handle(.verified(4096), now: start)
        #expect(wait.handle(.verified(65536), now: start + .milliseconds(500)) == .answer(65536))
    }

    @Test func nothingIsHeldThenToldToTryLater() {
        var wait = wait()
        #expect(wait.handle(.timer, now: start) == .wait)
        #expect(wait.deadline == start + .seconds(5))
        #expect(wait.handle(.timer, now: start + .seconds(5)) == .report)
        #expect(wait.deadline == start + .seconds(25))
        #expect(wait.handle(.timer, now: start + .milliseconds(24999)) == .wait)
        #expect(wait.handle(.timer, now: start + .seconds(25)) == .tryLater)
    }

    @Test func reportsOnce() {
        var wait = wait()
        #expect(wait.handle(.timer, now: start + .seconds(6)) == .report)
        #expect(wait.handle(.timer, now: start + .seconds(7)) == .wait)
    }

    @Test func lateFirstPrefixStillMeetsTheStallTimeout() {
        var wait = wait()
        _ = wait.handle(.timer, now: start + .seconds(5))
        #expect(wait.handle(.verified(4096), now: start + .milliseconds(24500)) == .wait)
        #expect(wait.deadline == start + .seconds(25))
        #expect(wait.handle(.timer, now: start + .seconds(25)) == .answer(4096))
    }

    @Test func evictedPrefixIsHeldAgain() {
        var wait = wait()
        _ = wait.handle(.verified(4096), now: start)
        #expect(wait.handle(.verified(0), now: start + .milliseconds(500)) == .wait)
        #expect(wait.handle(.timer, now: start + .seconds(2)) == .wait)
    }

    @Test func holdsForEverWithoutStallTimeout() {
        var wait = wait(stallTimeout: nil)
        #expect(wait.handle(.timer, now: start + .seconds(5)) == .report)
        #expect(wait.deadline == nil)
        #expect(wait.handle(.timer, now: start + .seconds(86400)) == .wait)
        #expect(wait.handle(.verified(5000), now: start + .seconds(86400)) == .wait)
        #expect(wait.handle(.timer, now: start + .seconds(86401)) == .answer(4096))
    }

    @Test func removalAndFailureEndAtOnce() {
        var removed = wait()
        #expect(removed.handle(.removed, now: start) == .stale)
        var failed = wait()
        #expect(failed.handle(.failed, now: start) == .fail)
    }

    @Test func policyFollowsTheExport() {
        var options = ExportOptions()
        #expect(ReadWaitPolicy(options).stallTimeout == .seconds(25))
        options.stallTimeout = .seconds(3)
        #expect(ReadWaitPolicy(options).stallTimeout == .seconds(3))
        options.stall = .hold
        #expect(ReadWaitPolicy(options).stallTimeout == nil)
        options.stall = .later
        options.stallTimeout = .zero
        #expect(ReadWaitPolicy(options).stallTimeout == nil)
    }
}
