import Testing
import TorrentLogic

@Suite struct ConsumptionRateTests {
    let start = ContinuousClock.now
    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func isAssumedUntilItIsMeasured() {
        let rate = ConsumptionRate()
        #expect(rate.bytesPerSecond == 1.25e6)
    }

    @Test func followsWhatAPlayerReads() {
        var rate = ConsumptionRate()
        for number in 0..<400 { rate.consumed(250_000, now: after(Double(number) / 10)) }
        #expect(abs(rate.bytesPerSecond - 2.5e6) < 0.2e6)
    }

    @Test func theTimeOfWaitingDoesNotCount() {
        var rate = ConsumptionRate()
        for second in 0..<60 {
            let time = Double(second)
            rate.consumed(1_000_000, now: after(time))
            rate.waitBegan(now: after(time))
            rate.waitEnded(now: after(time + 0.5))
        }
        #expect(abs(rate.bytesPerSecond - 2e6) < 0.2e6)
    }

    @Test func burstsAreAveragedButNotForgotten() {
        var rate = ConsumptionRate()
        for round in 0..<10 {
            for number in 0..<20 {
                let time = Double(round) * 15 + Double(number) / 10
                rate.consumed(500_000, now: after(time))
            }
        }
        #expect(rate.bytesPerSecond > 0.7e6)
        #expect(rate.bytesPerSecond < 5e6)
    }

    @Test func aPauseIsNoLowRate() {
        var rate = ConsumptionRate()
        for number in 0..<200 { rate.consumed(100_000, now: after(Double(number) / 10)) }
        rate.consumed(100_000, now: after(3600))
        rate.consumed(100_000, now: after(3600.1))
        #expect(rate.bytesPerSecond > 0.4e6)
    }
}
