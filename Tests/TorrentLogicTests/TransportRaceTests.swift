import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct TransportRaceTests {
    let now = ContinuousClock.now

    @Test func utpStartsALittleAfterTCP() {
        var race = TransportRace(order: [.tcp, .utp])
        #expect(race.start(now: now) == [.connect(.tcp)])
        #expect(race.nextDeadline == now + .milliseconds(250))
        #expect(race.timerFired(now: now + .milliseconds(249)).isEmpty)
        #expect(race.timerFired(now: now + .milliseconds(250)) == [.connect(.utp)])
        #expect(race.nextDeadline == nil)
    }

    @Test func theFirstToStandIsTakenAndTheOtherClosed() {
        var race = TransportRace(order: [.tcp, .utp])
        _ = race.start(now: now)
        _ = race.timerFired(now: now + .seconds(1))
        #expect(race.connected(.utp) == [.take(.utp)])
        #expect(race.connected(.tcp) == [.close(.tcp)])
    }

    @Test func nothingElseStartsOnceOneStands() {
        var race = TransportRace(order: [.tcp, .utp])
        _ = race.start(now: now)
        #expect(race.connected(.tcp) == [.take(.tcp)])
        #expect(race.nextDeadline == nil)
        #expect(race.timerFired(now: now + .seconds(1)).isEmpty)
    }

    @Test func theNextStartsAtOnceWhenOneFails() {
        var race = TransportRace(order: [.tcp, .utp])
        _ = race.start(now: now)
        #expect(race.failed(.tcp, now: now) == [.connect(.utp)])
        #expect(race.failed(.utp, now: now) == [.fail])
    }

    @Test func failsOnceWhenBothHaveFailed() {
        var race = TransportRace(order: [.tcp, .utp])
        _ = race.start(now: now)
        _ = race.timerFired(now: now + .seconds(1))
        #expect(race.failed(.tcp, now: now).isEmpty)
        #expect(race.failed(.utp, now: now) == [.fail])
    }

    @Test func whatCannotBeReachedAtAllIsNotTriedOtherwise() {
        var race = TransportRace(order: [.tcp, .utp])
        _ = race.start(now: now)
        #expect(race.failed(.tcp, isFinal: true, now: now) == [.fail])
    }

    @Test func remembersWhoWasReachedByUTP() throws {
        var memory = TransportMemory()
        for port in 1...UInt16(2 * TransportMemory.maximumCount) {
            let address = try #require(PeerAddress(host: [10, 0, 0, 1], port: port))
            #expect(memory.order(for: address) == [.tcp, .utp])
            memory.worked(.utp, for: address)
            #expect(memory.order(for: address) == [.utp, .tcp])
        }
        let last = try #require(PeerAddress(host: [10, 0, 0, 1], port: 2000))
        memory.worked(.tcp, for: last)
        #expect(memory.order(for: last) == [.tcp, .utp])
    }

    @Test func aPeerThatHangsUpByTCPIsTriedByUTPOnce() throws {
        var memory = TransportMemory()
        let address = try #require(PeerAddress(host: [10, 0, 0, 1], port: 1))
        let isTried = memory.wasUnanswered(.tcp, by: address)
        #expect(isTried && memory.order(for: address) == [.utp, .tcp])
        // uTP does not stand, and TCP is hung up again.
        let isTriedTwice = memory.wasUnanswered(.tcp, by: address)
        #expect(!isTriedTwice && memory.order(for: address) == [.tcp, .utp])
        let isTriedLater = memory.wasUnanswered(.tcp, by: address)
        let isTriedByTCP = memory.wasUnanswered(.utp, by: address)
        #expect(isTriedLater && !isTriedByTCP)
        #expect(memory.order(for: address) == [.tcp, .utp])
    }
}
