import BitTorrentProtocol
import Testing

@testable import TorrentLogic

@Suite struct UTPConnectionTests {
    let now = ContinuousClock.now

    /// A connection that we asked for and that stands; our next number is 11, the peer's 501.
    func opened() throws -> UTPConnection {
        var connection = UTPConnection(connectingAs: 7, sequence: 10, isIPv6: false, now: now)
        let first = connection.nextDatagram(now: now)
        let greeting = try #require(first)
        #expect(greeting.header.kind == .syn && greeting.header.connectionID == 7)
        #expect(connection.received(answer(501, to: 10), byteCount: 0, now: now) == .ignored)
        #expect(connection.state == .open)
        return connection
    }

    func answer(_ number: UInt16, to acknowledged: UInt16) -> UTPHeader {
        header(.state, number, acknowledged)
    }

    func header(_ kind: UTPHeader.Kind, _ number: UInt16, _ acknowledged: UInt16) -> UTPHeader {
        UTPHeader(
            kind,
            connectionID: 7,
            timestamp: 1,
            delay: 1000,
            window: 1 << 20,
            sequence: number,
            acknowledged: acknowledged
        )
    }

    @Test func datagramsCarryTheOtherNumber() throws {
        var connection = try opened()
        connection.write(100)
        let next = connection.nextDatagram(now: now)
        let datagram = try #require(next)
        #expect(datagram.header.connectionID == 8)
        #expect(datagram.header.sequence == 11 && datagram.header.acknowledged == 500)
        #expect(datagram.segment == .init(number: 11, byteCount: 100, isNew: true))
        #expect(connection.nextDatagram(now: now) == nil)
    }

    @Test func refusesAcknowledgementsOfWhatWasNeverSent() throws {
        var connection = try opened()
        connection.write(100)
        _ = connection.nextDatagram(now: now)
        let early = header(.data, 501, 12)
        #expect(connection.received(early, byteCount: 10, now: now) == .ignored)
        #expect(connection.acknowledgedEnd == 11 && connection.receivedEnd == 501)
        let good = header(.data, 501, 11)
        #expect(connection.received(good, byteCount: 10, now: now) == .inOrder(following: 0))
        #expect(connection.acknowledgedEnd == 12)
    }

    @Test func aPeerThatNeverAnswersIsGivenUp() {
        var connection = UTPConnection(connectingAs: 7, sequence: 10, isIPv6: false, now: now)
        var greetings = 0
        var time = now
        while connection.state == .connecting, time < now + .seconds(60) {
            while connection.nextDatagram(now: time) != nil { greetings += 1 }
            time = connection.nextDeadline ?? time
            connection.timerFired(now: time)
        }
        #expect(connection.state == .closed(.unreachable))
        #expect(greetings == UTPLimits.maximumGreetings)
        #expect(time - now <= .seconds(10))
    }

    @Test func noTimeoutIsShorterThanHalfASecondAndTheyDouble() throws {
        var connection = try opened()
        connection.write(100)
        var times: [Duration] = []
        var time = now
        while case .open = connection.state {
            while connection.nextDatagram(now: time)?.segment != nil { times.append(time - now) }
            time = connection.nextDeadline ?? time
            connection.timerFired(now: time)
        }
        #expect(connection.state == .closed(.timedOut))
        // The second is the tail, sent again at once; the others are time-outs.
        let pauses = zip(times.dropFirst(2), times.dropFirst()).map { $0 - $1 }
        #expect(pauses.allSatisfy { $0 >= .milliseconds(500) })
        #expect(zip(pauses.dropFirst(), pauses).allSatisfy { $0 >= $1 })
        #expect(times.count == 2 + UTPLimits.maximumTimeouts)
    }

    @Test func aResetEndsIt() throws {
        var connection = try opened()
        _ = connection.received(header(.reset, 0, 900), byteCount: 0, now: now)
        #expect(connection.state == .open)
        _ = connection.received(header(.reset, 0, 11), byteCount: 0, now: now)
        #expect(connection.state == .closed(.reset))
        #expect(connection.nextDatagram(now: now) == nil && connection.nextDeadline == nil)
    }

    @Test func twoDatagramsAreAcknowledgedAtOnceAndOneALittleLater() throws {
        var connection = try opened()
        _ = connection.received(header(.data, 501, 10), byteCount: 9, now: now)
        #expect(connection.nextDatagram(now: now) == nil)
        let deadline = try #require(connection.nextDeadline)
        #expect(deadline - now <= .milliseconds(25))
        _ = connection.received(header(.data, 502, 10), byteCount: 9, now: now)
        #expect(connection.nextDatagram(now: now)?.header.acknowledged == 502)
        #expect(connection.nextDatagram(now: now) == nil)
    }

    @Test func aGapIsToldAtOnce() throws {
        var connection = try opened()
        #expect(connection.received(header(.data, 503, 10), byteCount: 9, now: now) == .early)
        let next = connection.nextDatagram(now: now)
        let ack = try #require(next)
        #expect(ack.header.acknowledged == 500)
        #expect(ack.header.selectiveAck == UTPSelectiveAck([1]))
        #expect(connection.received(header(.data, 503, 10), byteCount: 9, now: now) == .ignored)
        #expect(connection.received(header(.data, 502, 10), byteCount: 9, now: now) == .early)
        let last = connection.received(header(.data, 501, 10), byteCount: 9, now: now)
        #expect(last == .inOrder(following: 2))
    }

    @Test func keepsNoMoreThanItsWindow() throws {
        var connection = try opened()
        var kept = 0
        for number in UInt16(502)..<4000 {
            let datagram = header(.data, number, 10)
            if connection.received(datagram, byteCount: 1400, now: now) == .early { kept += 1400 }
        }
        #expect(kept <= UTPLimits.receiveWindow)
        let first = connection.received(header(.data, 501, 10), byteCount: 1400, now: now)
        #expect(first == .inOrder(following: kept / 1400))
    }

    @Test func aFloodOfRequestsTakesNoMoreThanItsTable() throws {
        var listener = UTPListener(seed: 1)
        let victim = try #require(PeerAddress(host: [10, 0, 0, 9], port: 99))
        for number in 0..<100_000 {
            let host = [10, UInt8(number >> 16), UInt8(number >> 8 & 255), UInt8(number & 255)]
            let address = try #require(PeerAddress(host: host, port: 1))
            let request = UTPHeader(.syn, connectionID: 1, sequence: 1, acknowledged: 0)
            let answer = listener.received(request, from: address, now: now) { _ in false }
            if case .send = answer { continue }
            Issue.record("\(answer)")
        }
        #expect(listener.requestCount == UTPListener.maximumRequestCount)
        // Who did not hear our answer cannot go on.
        let guess = UTPHeader(.data, connectionID: 2, sequence: 2, acknowledged: 0)
        let answer = listener.received(guess, from: victim, now: now) { _ in false }
        if case .send(let reset) = answer {
            #expect(reset.kind == .reset && reset.connectionID == 2)
        } else {
            Issue.record("\(answer)")
        }
    }

    @Test func aRequestUnderATakenNumberIsIgnored() throws {
        var listener = UTPListener(seed: 1)
        let address = try #require(VirtualUTP.address)
        let request = UTPHeader(.syn, connectionID: 41, sequence: 1, acknowledged: 0)
        let taken = UTPListener.Key(address: address, receiveID: 42)
        let answer = listener.received(request, from: address, now: now) { $0 == taken }
        #expect(answer == .none)
        let own = listener.unusedID(for: address) { $0.receiveID < 60_000 }
        #expect(own.map { $0 >= 60_000 } ?? true)
    }

    @Test func answersToStrayDatagramsAreFew() throws {
        var listener = UTPListener(seed: 1)
        let address = try #require(VirtualUTP.address)
        let stray = UTPHeader(.data, connectionID: 41, sequence: 1, acknowledged: 0)
        let answers = (0..<1000).filter { _ in
            listener.received(stray, from: address, now: now) { _ in false } != .none
        }
        #expect(answers.count == UTPListener.maximumResetsPerSecond)
    }

    /// The peer's clock runs faster than ours: its delays seem to grow, and are no queue.
    @Test func aClockThatGainsIsNoQueue() throws {
        var connection = try opened()
        var time = now
        for second in 1...600 {
            time += .seconds(1)
            connection.write(1000)
            _ = connection.nextDatagram(now: time)
            // 100 microseconds in a second, which is a clock as bad as they are sold.
            let drift = UInt32(100 * second)
            var ack = header(.data, UInt16(500 + second), UInt16(10 + second))
            ack.timestamp = UInt32(second) * 1_000_000 &+ drift
            ack.delay = 5000 + drift
            _ = connection.received(ack, byteCount: 1, now: time)
            connection.taken(1)
        }
        #expect(connection.queueingDelay ?? .seconds(1) < .milliseconds(10))
    }
}
