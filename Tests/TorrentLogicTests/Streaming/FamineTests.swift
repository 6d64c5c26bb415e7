import Testing
import TorrentLogic

@Suite struct FamineTests {
    let start = ContinuousClock.now

    @Test func aReaderThatWaitsForLongBringsItAndTimeWithoutEndsIt() {
        var famine = Famine()
        func observe(_ wait: Double, at seconds: Double) -> Bool {
            famine.update(longestWait: .seconds(wait), now: start + .seconds(seconds))
            return famine.isOn
        }
        #expect(observe(0, at: 0) == false)
        #expect(observe(1.4, at: 2) == false)
        #expect(observe(1.5, at: 3) == true)
        #expect(observe(0.2, at: 12.9) == true)
        #expect(observe(0.2, at: 13) == false)
    }
}
