import BitTorrentProtocol
import Testing
import TorrentLogic

/// How many connections all torrents together may have.
@Suite struct ConnectionsTests {
    let start = ContinuousClock.now
    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }
    func peer(_ number: Int) -> PeerAddress {
        address([93, 184, UInt8(number / 256), UInt8(number % 256)], 6881)
    }

    // MARK: Dials

    @Test func dialsAVolleyAndThenSoManyASecond() {
        var queue = DialQueue<Int>(limits: ConnectionLimits(), now: start)
        for number in 0..<200 { queue.enqueue(peer(number), for: 1) }
        #expect(queue.takeReady(now: start).count == 30)
        #expect(queue.takeReady(now: start) == [])
        let next = queue.nextDeadline(now: start)
        #expect(next == after(0.05))
        for _ in 0..<30 { queue.ended(for: 1) }
        #expect(queue.takeReady(now: after(1)).count == 20)
        #expect(queue.waitingCount == 150)
    }

    @Test func onlySoManyDialsAreUnderWay() {
        var queue = DialQueue<Int>(limits: ConnectionLimits(), now: start)
        for number in 0..<200 { queue.enqueue(peer(number), for: number % 3) }
        var begun = 0
        for second in 0..<10 { begun += queue.takeReady(now: after(Double(second))).count }
        #expect(begun == 60)
        #expect(queue.nextDeadline(now: after(10)) == nil)
        queue.ended(for: 0)
        #expect(queue.takeReady(now: after(10)).count == 1)
    }

    @Test func aDialThatCannotWaitCountsLikeAnyOther() {
        var queue = DialQueue<Int>(limits: ConnectionLimits(), now: start)
        for _ in 0..<60 { queue.began(for: 2) }
        queue.enqueue(peer(1), for: 1)
        #expect(queue.takeReady(now: start) == [])
        queue.ended(for: 2)
        #expect(queue.takeReady(now: start).count == 1)
    }

    @Test func torrentsDialInTurn() {
        var queue = DialQueue<Int>(limits: ConnectionLimits(), now: start)
        for number in 0..<100 { queue.enqueue(peer(number), for: 1) }
        for number in 100..<103 { queue.enqueue(peer(number), for: 2) }
        let first = queue.takeReady(now: start).prefix(6).map(\.owner)
        #expect(first == [1, 2, 1, 2, 1, 2])
    }

    @Test func aTorrentThatIsGoneDialsNobody() {
        var queue = DialQueue<Int>(limits: ConnectionLimits(), now: start)
        for number in 0..<100 { queue.enqueue(peer(number), for: 1) }
        _ = queue.takeReady(now: start)
        queue.drop(1)
        #expect(queue.waitingCount == 0)
        #expect(queue.underWayCount == 0)
        // What was under way ends later.
        queue.ended(for: 1)
        #expect(queue.underWayCount == 0)
    }

    @Test func theLimitsOfDialsCanChange() {
        var limits = ConnectionLimits()
        var queue = DialQueue<Int>(limits: limits, now: start)
        for number in 0..<200 { queue.enqueue(peer(number), for: 1) }
        _ = queue.takeReady(now: start)
        limits.halfOpen = 40
        queue.setLimits(limits, now: after(5))
        #expect(queue.takeReady(now: after(5)).count == 10)
    }

    // MARK: Connections

    @Test func theTorrentWithMostConnectionsMakesRoom() {
        var budget = ConnectionBudget<String>(maximum: 4)
        for _ in 0..<4 { #expect(budget.opened(for: "large") == .admitted) }
        #expect(budget.opened(for: "small") == .admittedInPlaceOf("large"))
        budget.closed(for: "large")
        #expect(budget.opened(for: "large") == .refused)
        #expect(budget.opened(for: "small") == .admittedInPlaceOf("large"))
        budget.closed(for: "large")
        #expect(budget.opened(for: "small") == .refused)
        #expect(budget.count == 4)
    }

    @Test func fewerConnectionsAreGivenUpWhereMostAre() {
        var budget = ConnectionBudget<String>(maximum: 100)
        for _ in 0..<30 { _ = budget.opened(for: "large") }
        for _ in 0..<5 { _ = budget.opened(for: "small") }
        #expect(budget.setMaximum(10) == ["large": 25])
        #expect(budget.setMaximum(50) == [:])
    }

    // MARK: Incoming

    @Test func onePublicAddressTakesThreePlacesAndOneWhileItIsSilent() {
        var incoming = IncomingConnections(limits: ConnectionLimits())
        for _ in 0..<3 {
            #expect(incoming.accepted(from: peer(1)) == true)
            // Its handshake is not done: a second one may not wait beside it.
            #expect(incoming.accepted(from: peer(1)) == false)
            incoming.identified(peer(1))
        }
        #expect(incoming.accepted(from: peer(1)) == false)
        #expect(incoming.accepted(from: peer(2)) == true)
        incoming.closed(peer(1), wasIdentified: true)
        #expect(incoming.accepted(from: peer(1)) == true)
    }

    @Test func behindAPrivateAddressThereMayBeMany() {
        var incoming = IncomingConnections(limits: ConnectionLimits())
        for port in 1...40 {
            #expect(incoming.accepted(from: address([192, 168, 1, 2], UInt16(port))) == true)
        }
    }

    @Test func fiftyThatSayNothingTakeAllPlacesUntilTheyTimeOut() {
        var incoming = IncomingConnections(limits: ConnectionLimits())
        for number in 0..<50 { #expect(incoming.accepted(from: peer(number)) == true) }
        #expect(incoming.accepted(from: peer(99)) == false)
        incoming.closed(peer(7), wasIdentified: false)
        #expect(incoming.accepted(from: peer(99)) == true)
        incoming.identified(peer(99))
        #expect(incoming.accepted(from: peer(100)) == true)
    }
}
