import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct SocketShortageTests {
    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    /// T-27.
    @Test func aShortageIsToldOnceAndRelievedNowAndAgain() throws {
        var shortage = SocketShortage()
        let firstRelief = shortage.occurred(now: start)
        let first = try #require(firstRelief)
        #expect(first.isNews && first.connectionCount > 0 && first.pausesUntil == after(5))
        let others = (0..<1000).compactMap { _ in shortage.occurred(now: after(4)) }
        #expect(others.isEmpty)
        let secondRelief = shortage.occurred(now: after(5))
        let second = try #require(secondRelief)
        #expect(!second.isNews && second.pausesUntil == after(10))
        let last = shortage.occurred(now: after(700))
        #expect(last?.isNews == true)
    }

    @Test func dialsWaitUntilThePauseIsOver() throws {
        var queue = DialQueue<Int>(limits: ConnectionLimits(), now: start)
        queue.enqueue(try #require(PeerAddress("192.0.2.1:1")), for: 1)
        queue.pause(until: after(5))
        #expect(queue.takeReady(now: after(4)).isEmpty)
        #expect(queue.nextDeadline(now: after(4)) == after(5))
        #expect(queue.takeReady(now: after(5)).count == 1)
    }

    @Test func thoseThatHaveMostGiveUpFirst() {
        var budget = ConnectionBudget<Int>(maximum: 10)
        for owner in [1, 1, 1, 1, 2, 2, 3] { _ = budget.opened(for: owner) }
        #expect(budget.surplus(of: 2) == [1: 2])
        #expect(budget.surplus(of: 100).values.reduce(0, +) == 7)
        #expect(budget.surplus(of: -1).isEmpty)
        #expect(budget.count == 7)
    }
}
