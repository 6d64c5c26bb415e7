import BitTorrentProtocol
import Testing

@testable import TorrentLogic

@Suite struct UDPTrackerExchangeTests {
    private let start = ContinuousClock.now
    private var exchange = UDPTrackerExchange(generator: SeededGenerator(seed: 1))
    private let tracker: PeerAddress
    private let question: UDPTrackerExchange.Question

    init() throws {
        tracker = try #require(PeerAddress("20.1.1.1:80"))
        var random = SeededGenerator(seed: 2)
        question = .announce(
            AnnounceRequest(
                infoHash: InfoHash(ofInfoDictionary: [1]),
                peerID: PeerID(using: &random),
                port: 1,
                left: 0,
                key: 1
            ),
            urlData: nil
        )
    }

    private mutating func sent() throws -> [UInt8] {
        let actions = exchange.takeActions()
        guard actions.count == 1, case .send(let bytes, .address(tracker))? = actions.first else {
            Issue.record("\(actions)")
            return []
        }
        return bytes
    }

    /// The transaction id stands at the same place in every request.
    private func connected(_ request: [UInt8]) -> [UInt8] {
        [0, 0, 0, 0] + request[12..<16] + [9, 9, 9, 9, 9, 9, 9, 9]
    }

    private func announced(_ request: [UInt8]) -> [UInt8] {
        [0, 0, 0, 1] + request[12..<16] + [0, 0, 7, 8, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6, 7, 8, 0, 9]
    }

    @Test mutating func connectsAndAnnounces() throws {
        let key = exchange.ask(question, of: .address(tracker), now: start)
        exchange.received(connected(try sent()), from: tracker, now: start)
        let request = try sent()
        #expect(request.count == 98)
        #expect(request[0..<8].allSatisfy { $0 == 9 })
        exchange.received(announced(request), from: tracker, now: start)
        let actions = exchange.takeActions()
        guard case .finish(key, .announced(let response))? = actions.first else {
            Issue.record("\(actions)")
            return
        }
        #expect(response.peers.map(\.description) == ["5.6.7.8:9"])
        #expect(exchange.nextDeadline == nil)
    }

    @Test mutating func usesAConnectionIDForAMinute() throws {
        _ = exchange.ask(question, of: .address(tracker), now: start)
        exchange.received(connected(try sent()), from: tracker, now: start)
        exchange.received(announced(try sent()), from: tracker, now: start)
        _ = exchange.takeActions()
        _ = exchange.ask(question, of: .address(tracker), now: start.advanced(by: .seconds(59)))
        #expect(try sent().count == 98)
        _ = exchange.ask(question, of: .address(tracker), now: start.advanced(by: .seconds(60)))
        #expect(try sent().count == 16)
    }

    @Test mutating func questionsOfOneTrackerShareAConnect() throws {
        _ = exchange.ask(question, of: .address(tracker), now: start)
        _ = exchange.ask(question, of: .address(tracker), now: start)
        exchange.received(connected(try sent()), from: tracker, now: start)
        #expect(exchange.takeActions().count == 2)
    }

    @Test mutating func ignoresAnswersFromElsewhereAndWithAnotherTransactionID() throws {
        let other = try #require(PeerAddress("20.1.1.1:81"))
        _ = exchange.ask(question, of: .address(tracker), now: start)
        let connect = try sent()
        exchange.received(connected(connect), from: other, now: start)
        exchange.received(connected(connect.map { $0 ^ 1 }), from: tracker, now: start)
        #expect(exchange.takeActions().isEmpty)
        exchange.received(connected(connect), from: tracker, now: start)
        let request = try sent()
        exchange.received(announced(request), from: other, now: start)
        exchange.received(announced(request.map { $0 ^ 1 }), from: tracker, now: start)
        let scraped = [0, 0, 0, 2] + request[12..<16] + [UInt8](repeating: 0, count: 12)
        exchange.received(scraped, from: tracker, now: start)
        exchange.received(connected(request), from: tracker, now: start)
        exchange.received([], from: tracker, now: start)
        #expect(exchange.takeActions().isEmpty)
    }

    @Test mutating func repeatsAfterFifteenTimesTwoToTheN() throws {
        let key = exchange.ask(question, of: .address(tracker), now: start)
        var waits: [Int64] = []
        var now = start
        for _ in 0...8 {
            _ = try sent()
            let deadline = try #require(exchange.nextDeadline)
            waits.append((deadline - now).components.seconds)
            now = deadline
            exchange.timerFired(now: now)
        }
        #expect(waits == [15, 30, 60, 120, 240, 480, 960, 1920, 3840])
        #expect(exchange.takeActions() == [.finish(key, .timedOut)])
        #expect(exchange.nextDeadline == nil)
    }

    @Test mutating func connectsAgainWhenTheConnectionIDIsStale() throws {
        _ = exchange.ask(question, of: .address(tracker), now: start)
        exchange.received(connected(try sent()), from: tracker, now: start)
        var now = start
        for _ in 0..<2 {
            #expect(try sent().count == 98)
            now = try #require(exchange.nextDeadline)
            exchange.timerFired(now: now)
        }
        // 15 + 30 seconds: still in use; 60 more and it is not.
        #expect(try sent().count == 98)
        now = try #require(exchange.nextDeadline)
        exchange.timerFired(now: now)
        #expect(try sent().count == 16)
    }

    @Test mutating func reportsTheTextOfAnError() throws {
        let key = exchange.ask(question, of: .address(tracker), now: start)
        let error = [0, 0, 0, 3] + (try sent())[12..<16] + Array("no".utf8)
        exchange.received(error, from: tracker, now: start)
        #expect(exchange.takeActions() == [.finish(key, .refused(reason: "no"))])
    }

    @Test mutating func scrapesInTheOrderAsked() throws {
        let hash = InfoHash(ofInfoDictionary: [1])
        let key = exchange.ask(.scrape([hash, hash]), of: .address(tracker), now: start)
        exchange.received(connected(try sent()), from: tracker, now: start)
        let request = try sent()
        let counts: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]
        // One torrent too few is no answer.
        exchange.received([0, 0, 0, 2] + request[12..<16] + counts, from: tracker, now: start)
        #expect(exchange.takeActions().isEmpty)
        exchange.received(
            [0, 0, 0, 2] + request[12..<16] + counts + counts,
            from: tracker,
            now: start
        )
        guard case .finish(key, .scraped(let scrapes))? = exchange.takeActions().first else {
            Issue.record("no answer")
            return
        }
        #expect(scrapes.map(\.leecherCount) == [3, 3])
    }

    @Test mutating func forgetsACancelledQuestion() throws {
        let key = exchange.ask(question, of: .address(tracker), now: start)
        let connect = try sent()
        exchange.cancel(key)
        #expect(exchange.nextDeadline == nil)
        exchange.received(connected(connect), from: tracker, now: start)
        #expect(exchange.takeActions().isEmpty)
    }

    /// What a proxy looks up answers from an address that was never named.
    @Test mutating func aTrackerThatIsKnownByNameAnswersFromAnyAddressOfItsPort() throws {
        let name = try #require(ProxyDestination("tracker.example:80"))
        let key = exchange.ask(question, of: .name(name), now: start)
        guard case .send(let connect, .name(name))? = exchange.takeActions().first else {
            Issue.record("nothing is sent to the name")
            return
        }
        let elsewhere = try #require(PeerAddress("20.1.1.1:81"))
        exchange.received(connected(connect), from: elsewhere, now: start)
        #expect(exchange.takeActions().isEmpty)
        exchange.received(connected(connect), from: tracker, now: start)
        guard case .send(let request, .name(name))? = exchange.takeActions().first else {
            Issue.record("nothing is asked of the name")
            return
        }
        // Of another question.
        var other = announced(request)
        other[7] ^= 1
        exchange.received(other, from: tracker, now: start)
        #expect(exchange.takeActions().isEmpty)
        exchange.received(announced(request), from: tracker, now: start)
        guard case .finish(key, .announced)? = exchange.takeActions().first else {
            Issue.record("the answer is not taken")
            return
        }
    }
}
