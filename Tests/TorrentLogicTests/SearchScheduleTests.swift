import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct SearchScheduleTests {
    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
    let one: InfoHash
    let two: InfoHash

    init() throws {
        one = try #require(InfoHash(bytes: [UInt8](repeating: 1, count: 20)))
        two = try #require(InfoHash(bytes: [UInt8](repeating: 2, count: 20)))
    }

    func schedule() -> SearchSchedule {
        SearchSchedule(interval: .seconds(900), urgentInterval: .seconds(60))
    }

    @Test func nobodyWantsNothing() {
        var schedule = schedule()
        #expect(schedule.nextDeadline == nil)
        #expect(schedule.takeDue(now: start) == [])
        #expect(!schedule.wants(one))
    }

    @Test func searchesAtOnceAndThenAtIntervals() {
        var schedule = schedule()
        schedule.want(one, isUrgent: false)
        #expect(schedule.takeDue(now: start) == [one])
        #expect(schedule.takeDue(now: start) == [])
        #expect(schedule.nextDeadline == after(900))
        schedule.want(two, isUrgent: true)
        #expect(schedule.takeDue(now: after(10)) == [two])
        #expect(schedule.nextDeadline == after(70))
        #expect(schedule.takeDue(now: after(69)) == [])
        #expect(schedule.takeDue(now: after(900)).count == 2)
    }

    @Test func haste() {
        var schedule = schedule()
        schedule.want(one, isUrgent: false)
        _ = schedule.takeDue(now: start)
        schedule.want(one, isUrgent: true)
        #expect(schedule.nextDeadline == after(60))
        schedule.want(one, isUrgent: false)
        #expect(schedule.nextDeadline == after(900))
    }

    @Test func onAndOffMakesNoneSooner() {
        var schedule = schedule()
        for second in 0..<59 {
            schedule.want(one, isUrgent: true)
            #expect(schedule.takeDue(now: after(second)) == (second == 0 ? [one] : []))
            schedule.drop(one, now: after(second))
            #expect(schedule.nextDeadline == nil)
        }
        schedule.want(one, isUrgent: true)
        #expect(schedule.takeDue(now: after(60)) == [one])
    }

    @Test func aPoorSearchIsRepeatedSoon() {
        var schedule = schedule()
        schedule.want(one, isUrgent: false)
        _ = schedule.takeDue(now: start)
        schedule.renew(one)
        #expect(schedule.takeDue(now: after(59)) == [])
        #expect(schedule.takeDue(now: after(60)) == [one])
        #expect(schedule.nextDeadline == after(960))
        schedule.want(one, isUrgent: true)
        schedule.renew(one)
        #expect(schedule.nextDeadline == after(75))
    }
}
