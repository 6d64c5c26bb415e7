import Testing

@testable import TorrentLogic

@Suite struct StragglersTests {
    let start = ContinuousClock.now
    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func countsWhatIsStillToCome() {
        var stragglers = Stragglers()
        for number in 1...10 {
            stragglers.cancelled(
                expectedAt: after(Double(number) / 50),
                roundTrip: 0.05,
                now: start
            )
        }
        #expect(stragglers.count(now: start) == 10)
        #expect(stragglers.count(now: after(0.101)) == 5)
        stragglers.came()
        #expect(stragglers.count(now: start) == 9)
        #expect(stragglers.count(now: after(0.2)) == 0)
    }

    @Test func whatWouldHaveComeLaterIsTakenBackInTime() {
        var stragglers = Stragglers()
        stragglers.cancelled(expectedAt: after(0.31), roundTrip: 0.05, now: start)
        stragglers.cancelled(expectedAt: start, roundTrip: 0.05, now: start)
        #expect(stragglers.count(now: start) == 0)
    }

    @Test func holdsNoMoreThanASendBuffer() {
        var stragglers = Stragglers()
        for number in 0..<10_000 {
            let now = after(Double(number) / 100_000)
            stragglers.cancelled(expectedAt: now + .seconds(0.2), roundTrip: 0.05, now: now)
        }
        #expect(stragglers.count(now: after(0.1)) == 1024)
        for second in 1..<1000 {
            let now = after(Double(second))
            stragglers.cancelled(expectedAt: now + .seconds(0.2), roundTrip: 0.05, now: now)
            #expect(stragglers.count(now: now) == 1)
        }
    }
}
