import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct ScrapeScheduleTests {
    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
    let small = SwarmSize(seedCount: 0, leecherCount: 1)
    let large = SwarmSize(seedCount: 9, leecherCount: 90)

    @Test func scrapesThoseThatAreNotAnnouncedTo() {
        var schedule = ScrapeSchedule(trackers: ["a", "b", "c"])
        #expect(schedule.takeDue(now: start) { $0 == "a" } == ["b", "c"])
        #expect(schedule.takeDue(now: after(2)) { $0 == "a" } == [])
        schedule.told(small, by: "a", now: after(3))
        schedule.told(large, by: "b", now: after(3))
        schedule.failed("c", now: after(4))
        #expect(schedule.size(at: "b") == large)
        #expect(schedule.size(at: "c") == nil)
        #expect(schedule.largest == large)
        #expect(schedule.takeDue(now: after(1700)) { _ in false } == [])
        #expect(schedule.takeDue(now: after(1810)) { _ in false } == ["a", "b", "c"])
    }

    @Test func aTrackerThatKnowsNothingKnowsNobody() {
        var schedule = ScrapeSchedule(trackers: ["a", "b"])
        #expect(schedule.largest == nil)
        schedule.told(nil, by: "b", now: start)
        #expect(schedule.size(at: "b")?.peerCount == 0)
    }

    @Test func scrapesNotASingleTrackerAndFewAtATime() {
        var single = ScrapeSchedule(trackers: ["a"])
        #expect(single.takeDue(now: start) { _ in false } == [])
        var many = ScrapeSchedule(trackers: (0..<100).map { "\($0)" })
        var asked: [String] = []
        for second in 0..<100 {
            let due = many.takeDue(now: after(2 * second)) { _ in false }
            #expect(due.count <= 4)
            asked += due
            for tracker in due { many.failed(tracker, now: after(2 * second)) }
        }
        #expect(asked == (0..<32).map { "\($0)" })
    }
}
