import Testing
import TorrentLogic

@Suite struct PeerPaceTests {
    let start = ContinuousClock.now
    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    /// A peer asked for `count` blocks at once that sends the first after `delay` and the others at
    /// `rate` blocks a second.
    func burst(_ pace: inout PeerPace, count: Int, delay: Double, rate: Double, at time: Double) {
        pace.becameBusy()
        for number in 0..<count {
            _ = pace.received(
                16384,
                sentAt: after(time),
                isFirst: number == 0,
                isLast: number == count - 1,
                now: after(time + delay + Double(number) / rate)
            )
        }
    }

    @Test func measuresTheRoundTripAndThenTheRate() {
        var pace = PeerPace()
        #expect(pace.rate == nil)
        #expect(!pace.hasDelivered)
        burst(&pace, count: 20, delay: 0.08, rate: 60, at: 0)
        #expect(abs(pace.roundTrip - 0.08) < 0.001)
        #expect(pace.rate.map { abs($0 / 16384 - 60) < 1 } == true)
        #expect(abs(pace.blockTime - 1.0 / 60) < 0.001)
    }

    @Test func aFirstBlockThatWasHeldUpDoesNotCountForLong() {
        var pace = PeerPace()
        pace.becameBusy()
        // Ten in flight all the time, each of which takes 0.2 s; but the first was lost on the way.
        for number in 0..<40 {
            let arrival = 1 + Double(number) / 50
            _ = pace.received(
                16384,
                sentAt: after(number == 0 ? 0 : arrival - 0.2),
                isFirst: number == 0,
                isLast: false,
                now: after(arrival)
            )
        }
        #expect(abs(pace.roundTrip - 0.2) < 0.001)
        for number in 40..<80 {
            let arrival = 1 + Double(number) / 50
            _ = pace.received(
                16384,
                sentAt: after(arrival - 0.3),
                isFirst: false,
                isLast: false,
                now: after(arrival)
            )
        }
        #expect(pace.rate.map { abs($0 / 16384 - 50) < 1 } == true)
    }

    @Test func singleBlocksLeaveTheRateAsItWas() {
        var pace = PeerPace()
        burst(&pace, count: 20, delay: 0.08, rate: 60, at: 0)
        for second in 1...50 {
            burst(&pace, count: 1, delay: 0.09, rate: 60, at: Double(second))
        }
        #expect(pace.rate.map { abs($0 / 16384 - 60) < 1 } == true)
    }

    @Test func fewInFlightLeaveTheRateAsItWasThoughSomeComeLate() {
        var pace = PeerPace()
        burst(&pace, count: 20, delay: 0.08, rate: 60, at: 0)
        pace.becameBusy()
        // Two in flight all the time, of which each is sent as soon as its request is there.
        for number in 0..<100 {
            let sent = 10 + 0.05 * Double(number)
            _ = pace.received(
                16384,
                sentAt: after(sent),
                isFirst: number == 0,
                isLast: false,
                now: after(sent + (number % 2 == 0 ? 0.08 : 0.1))
            )
        }
        #expect(pace.rate.map { abs($0 / 16384 - 60) < 1 } == true)
    }

    @Test func followsAPeerThatBecomesSlower() {
        var pace = PeerPace()
        burst(&pace, count: 20, delay: 0.08, rate: 60, at: 0)
        burst(&pace, count: 200, delay: 0.08, rate: 20, at: 10)
        #expect(pace.rate.map { abs($0 / 16384 - 20) < 1 } == true)
    }

    @Test func theTimeToConnectIsAFirstGuessAtTheRoundTrip() {
        var pace = PeerPace()
        #expect(abs(pace.longestSilence - 1.2) < 0.001)
        pace.assume(roundTrip: 0.05)
        #expect(pace.roundTrip == 0.05)
        #expect(pace.longestSilence == 0.4)
        pace.assume(roundTrip: 10)
        #expect(pace.roundTrip == 0.05)
        burst(&pace, count: 1, delay: 0.2, rate: 1, at: 0)
        #expect(abs(pace.roundTrip - 0.2) < 0.001)
        // What is not the way was the sending.
        #expect(pace.rate == nil)
        #expect(abs(pace.blockTime - 0.15) < 0.001)
        pace.assume(roundTrip: 0.05)
        #expect(abs(pace.roundTrip - 0.2) < 0.001)
    }
}
