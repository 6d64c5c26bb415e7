import Testing
import TorrentLogic

@Suite struct DiskHealthTests {
    private let start = ContinuousClock.now

    @Test func aDiskThatWorksIsWrittenAtAnyTime() {
        var health = DiskHealth()
        for _ in 0..<2 {
            let mayWrite = health.mayWrite(now: start)
            #expect(mayWrite)
        }
        let isMended = health.worked()
        #expect(!isMended && !health.isFailing)
    }

    @Test func oneThatFailsIsTriedLessAndLessOften() {
        var health = DiskHealth()
        var (now, attempts) = (start, [Duration]())
        let isFirst = health.failed(now: now)
        #expect(isFirst && health.isFailing)
        while attempts.count < 8 {
            now += .milliseconds(500)
            guard health.mayWrite(now: now) else { continue }
            attempts.append(start.duration(to: now))
            // Two writes under way at once count as one.
            let isTriedTwice = health.mayWrite(now: now)
            #expect(!isTriedTwice)
            for _ in 0..<2 {
                let isFirst = health.failed(now: now)
                #expect(!isFirst)
            }
        }
        let pauses = zip(attempts, [.zero] + attempts).map { $0 - $1 }
        #expect(pauses == [2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0) })
    }

    @Test func aSuccessEndsTheSeries() {
        var health = DiskHealth()
        _ = health.failed(now: start)
        _ = health.failed(now: start + .seconds(10))
        let (isMended, mayWrite) = (health.worked(), health.mayWrite(now: start))
        #expect(isMended && mayWrite)
        let isFirst = health.failed(now: start)
        let isTried = health.mayWrite(now: start + DiskHealth.firstPause)
        #expect(isFirst && isTried)
    }

    @Test func whatMayHaveMendedItIsWorthAnAttempt() {
        var health = DiskHealth()
        _ = health.failed(now: start)
        let before = health.mayWrite(now: start)
        health.mayBeMended(now: start)
        let (once, twice) = (health.mayWrite(now: start), health.mayWrite(now: start))
        #expect(!before && once && !twice)
    }
}
