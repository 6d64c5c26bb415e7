import BitTorrentProtocol
import Testing

@testable import TorrentLogic

@Suite struct PeerExchangeTests {
    private let start = ContinuousClock.now

    private func key(_ number: UInt64) -> PeerKey { PeerKey(rawValue: number) }

    private func peer(_ number: UInt8, port: UInt16 = 9) throws -> PeerExchangeMessage.Peer {
        .init(address: try #require(PeerAddress(host: [20, 1, 1, number], port: port)))
    }

    @Test func tellsWhatChangedOnceAMinute() throws {
        var exchange = PeerExchange(isPrivate: false)
        for number: UInt64 in 1...3 {
            exchange.connected(key(number), as: try peer(UInt8(number)))
        }
        exchange.enabled(key(1), now: start)
        exchange.timerFired(now: start)
        #expect(
            exchange.takeActions() == [
                .send(PeerExchangeMessage(added: [try peer(2), try peer(3)]), to: key(1))
            ]
        )
        let next = try #require(exchange.nextDeadline)
        #expect(next == start.advanced(by: .seconds(60)))
        exchange.disconnected(key(2))
        exchange.connected(key(4), as: try peer(4))
        exchange.timerFired(now: start.advanced(by: .seconds(59)))
        #expect(exchange.takeActions().isEmpty)
        exchange.timerFired(now: next)
        #expect(
            exchange.takeActions() == [
                .send(
                    PeerExchangeMessage(added: [try peer(4)], dropped: [try peer(2).address]),
                    to: key(1)
                )
            ]
        )
        exchange.timerFired(now: next.advanced(by: .seconds(60)))
        #expect(exchange.takeActions().isEmpty)
    }

    @Test func tellsFiftyAtATimeAndTheRestLater() throws {
        var exchange = PeerExchange(isPrivate: false)
        for number in 1...120 {
            exchange.connected(key(UInt64(number)), as: try peer(UInt8(number)))
        }
        exchange.enabled(key(1), now: start)
        var counts: [Int] = []
        for minute in 0..<4 {
            exchange.timerFired(now: start.advanced(by: .seconds(60 * minute)))
            for case .send(let message, _) in exchange.takeActions() {
                counts.append(message.added.count)
            }
        }
        #expect(counts == [50, 50, 19])
    }

    @Test func namesOnlyPeersWhosePortIsKnownAndNotTheReceiver() throws {
        var exchange = PeerExchange(isPrivate: false)
        exchange.connected(key(1), as: try peer(1))
        exchange.connected(key(2), as: nil)
        exchange.enabled(key(1), now: start)
        exchange.timerFired(now: start)
        #expect(exchange.takeActions().isEmpty)
        exchange.connected(key(2), as: try peer(2))
        exchange.timerFired(now: start.advanced(by: .seconds(60)))
        #expect(exchange.takeActions().count == 1)
    }

    @Test func staysSilentForAPrivateTorrent() throws {
        var exchange = PeerExchange(isPrivate: true)
        exchange.connected(key(1), as: try peer(1))
        exchange.connected(key(2), as: try peer(2))
        exchange.enabled(key(1), now: start)
        #expect(exchange.nextDeadline == nil)
        let message = PeerExchangeMessage(added: [try peer(3)])
        #expect(exchange.received(message, from: key(1), now: start).isEmpty)
    }

    @Test func believesOnePortOfEachHostAndCapsEachSource() throws {
        var exchange = PeerExchange(isPrivate: false)
        exchange.connected(key(1), as: nil)
        let twice = PeerExchangeMessage(added: [try peer(1), try peer(1, port: 10)])
        #expect(exchange.received(twice, from: key(1), now: start) == [try peer(1)])
        var accepted = 1
        for minute in 1...10 {
            let many = try (0..<100).map { number in
                PeerExchangeMessage.Peer(
                    address: try #require(
                        PeerAddress(host: [21, UInt8(minute), 1, UInt8(number)], port: 9)
                    )
                )
            }
            accepted +=
                exchange.received(
                    PeerExchangeMessage(added: many),
                    from: key(1),
                    now: start.advanced(by: .seconds(60 * minute))
                ).count
        }
        #expect(accepted == PeerExchange.maximumCountPerSource)
    }

    @Test func ignoresMessagesThatComeTooSoon() throws {
        var exchange = PeerExchange(isPrivate: false)
        exchange.connected(key(1), as: nil)
        let now = start
        #expect(
            exchange.received(.init(added: [try peer(1)]), from: key(1), now: now).count == 1
        )
        #expect(
            exchange.received(
                .init(added: [try peer(2)]),
                from: key(1),
                now: now.advanced(by: .seconds(5))
            ).isEmpty
        )
        #expect(
            exchange.received(
                .init(added: [try peer(2)]),
                from: key(1),
                now: now.advanced(by: .seconds(60))
            ).count == 1
        )
    }

    @Test func believesNoLocalAddressFromAfar() throws {
        let texts = ["127.0.0.1:1", "10.0.0.1:1", "169.254.1.1:1", "224.0.0.1:1", "0.1.1.1:1"]
        let message = PeerExchangeMessage(
            added: texts.compactMap { PeerAddress($0) }.map { .init(address: $0) }
        )
        var exchange = PeerExchange(isPrivate: false)
        exchange.connected(key(1), as: try peer(1))
        #expect(exchange.received(message, from: key(1), now: start).isEmpty)
        let near = try #require(PeerAddress("192.168.1.1:9"))
        exchange.connected(key(2), as: .init(address: near))
        #expect(exchange.received(message, from: key(2), now: start).count == 3)
    }
}
