import Testing
import TorrentLogic

@Suite struct MetainfoSourcesTests {
    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func asksExactSourcesAtOnceAndSubstitutesWhenTheseHaveFailed() {
        var sources = MetainfoSources(
            exact: ["http://a/", "urn:btpk:1", "HTTPS://b/"],
            acceptable: ["http://c/", "http://a/"],
            now: start
        )
        #expect(sources.nextDeadline == start)
        #expect(sources.takeDue(now: start) == "http://a/")
        // One at a time.
        #expect(sources.takeDue(now: start) == nil && sources.nextDeadline == nil)
        sources.failed("http://a/", now: after(1))
        #expect(sources.takeDue(now: after(1)) == "HTTPS://b/")
        sources.failed("HTTPS://b/", now: after(2))
        #expect(sources.takeDue(now: after(2)) == "http://c/")
    }

    @Test func aSubstituteGivesPeersTime() {
        var sources = MetainfoSources(exact: ["http://a/"], acceptable: ["http://b/"], now: start)
        #expect(sources.takeDue(now: start) == "http://a/")
        // The answer takes its time.
        sources.failed("http://a/", now: after(40))
        #expect(sources.takeDue(now: after(40)) == "http://b/")
        var alone = MetainfoSources(exact: [], acceptable: ["http://b/"], now: start)
        #expect(alone.takeDue(now: start) == "http://b/")
    }

    @Test func asksAgainEverMoreRarelyButNotForWhatIsWrong() {
        var sources = MetainfoSources(exact: ["http://a/"], acceptable: [], now: start)
        var time = 0
        for pause in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
            #expect(sources.takeDue(now: after(time)) == "http://a/")
            sources.failed("http://a/", now: after(time))
            #expect(sources.nextDeadline == after(time + pause))
            time += pause
        }
        #expect(sources.takeDue(now: after(time)) == "http://a/")
        sources.refuted("http://a/", now: after(time))
        #expect(sources.nextDeadline == nil)
        #expect(sources.takeDue(now: after(time + 100_000)) == nil)
    }

    @Test func boundsHowManyThereAre() {
        let urls = (0..<100).map { "http://\($0)/" }
        var sources = MetainfoSources(exact: urls, acceptable: [], now: start)
        var asked: Set<String> = []
        while let url = sources.takeDue(now: start) {
            asked.insert(url)
            sources.failed(url, now: start)
        }
        #expect(asked.count == 16)
    }
}
