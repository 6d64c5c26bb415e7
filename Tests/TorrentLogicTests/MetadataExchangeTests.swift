import BitTorrentProtocol
import Testing

@testable import TorrentLogic

@Suite struct MetadataExchangeTests {
    private let start = ContinuousClock.now
    private let block = MetadataMessage.blockByteCount
    private let metadata = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private func key(_ number: UInt64) -> PeerKey { PeerKey(rawValue: number) }

    private func data(_ number: Int, of bytes: [UInt8]) -> MetadataMessage {
        .data(
            block: number,
            totalByteCount: bytes.count,
            payload: Array(bytes[number * block..<min((number + 1) * block, bytes.count)])
        )
    }

    /// Answers every request until nothing more is asked; returns the actions that are no requests.
    private func run(
        _ exchange: inout MetadataExchange,
        sources: [UInt64: [UInt8]],
        now: ContinuousClock.Instant
    ) -> [MetadataExchange.Action] {
        var others: [MetadataExchange.Action] = []
        while true {
            let actions = exchange.takeActions()
            guard !actions.isEmpty else { return others }
            for action in actions {
                guard case .send(.request(let number), let peer) = action,
                    let bytes = sources[peer.rawValue]
                else {
                    others.append(action)
                    continue
                }
                exchange.received(data(number, of: bytes), from: peer, now: now)
            }
        }
    }

    @Test func collectsFromSeveralPeersWithTwoRequestsEach() {
        var exchange = MetadataExchange()
        exchange.joined(key(1), claimedByteCount: 40_000, now: start)
        exchange.joined(key(2), claimedByteCount: 40_000, now: start)
        let requests = exchange.takeActions()
        #expect(
            requests == [
                .send(.request(block: 0), to: key(1)), .send(.request(block: 1), to: key(1)),
                .send(.request(block: 2), to: key(2)),
            ]
        )
        exchange.received(data(0, of: metadata), from: key(1), now: start)
        exchange.received(data(2, of: metadata), from: key(2), now: start)
        #expect(exchange.progress?.received == 40_000 - block)
        exchange.received(data(1, of: metadata), from: key(1), now: start)
        #expect(exchange.takeActions() == [.complete(metadata)])
        #expect(exchange.nextDeadline == nil)
    }

    @Test func refusesSizesOutsideTheLimits() {
        var exchange = MetadataExchange()
        for (number, size) in [0, -1, 10 * 1024 * 1024 + 1, Int.max].enumerated() {
            exchange.joined(key(UInt64(number)), claimedByteCount: size, now: start)
        }
        exchange.joined(key(9), claimedByteCount: nil, now: start)
        #expect(exchange.takeActions().isEmpty)
        exchange.joined(key(9), claimedByteCount: 1, now: start)
        #expect(exchange.takeActions() == [.send(.request(block: 0), to: key(9))])
    }

    @Test func ignoresALaterChangeOfTheSize() {
        var exchange = MetadataExchange()
        exchange.joined(key(1), claimedByteCount: 40_000, now: start)
        exchange.joined(key(1), claimedByteCount: 9_000_000, now: start)
        #expect(exchange.progress?.total == 40_000)
    }

    @Test func asksAnotherPeerAfterATimeoutAndStillTakesALateBlock() throws {
        var exchange = MetadataExchange()
        exchange.joined(key(1), claimedByteCount: 40_000, now: start)
        _ = exchange.takeActions()
        exchange.joined(key(2), claimedByteCount: 40_000, now: start)
        let deadline = try #require(exchange.nextDeadline)
        #expect(deadline == start.advanced(by: .seconds(10)))
        _ = exchange.takeActions()
        exchange.received(data(2, of: metadata), from: key(2), now: start)
        exchange.timerFired(now: deadline)
        #expect(
            exchange.takeActions() == [
                .send(.request(block: 0), to: key(2)), .send(.request(block: 1), to: key(2)),
            ]
        )
        exchange.received(data(0, of: metadata), from: key(1), now: deadline)
        exchange.received(data(1, of: metadata), from: key(1), now: deadline)
        #expect(exchange.takeActions() == [.complete(metadata)])
    }

    @Test func pausesAPeerThatRejects() throws {
        var exchange = MetadataExchange()
        exchange.joined(key(1), claimedByteCount: 100, now: start)
        _ = exchange.takeActions()
        exchange.received(.reject(block: 0), from: key(1), now: start)
        #expect(exchange.takeActions().isEmpty)
        let deadline = try #require(exchange.nextDeadline)
        exchange.timerFired(now: deadline)
        #expect(exchange.takeActions() == [.send(.request(block: 0), to: key(1))])
    }

    @Test func ignoresBlocksOfTheWrongLengthAndThoseNotAskedFor() {
        var exchange = MetadataExchange()
        exchange.joined(key(1), claimedByteCount: 40_000, now: start)
        _ = exchange.takeActions()
        exchange.received(data(2, of: metadata), from: key(1), now: start)
        exchange.received(
            .data(block: 0, totalByteCount: nil, payload: [1]),
            from: key(1),
            now: start
        )
        exchange.received(
            .data(block: 1, totalByteCount: 41_000, payload: [UInt8](repeating: 0, count: block)),
            from: key(1),
            now: start
        )
        exchange.received(data(0, of: metadata), from: key(7), now: start)
        exchange.received(
            .data(block: 60_000, totalByteCount: nil, payload: []),
            from: key(1),
            now: start
        )
        #expect(exchange.progress?.received == 0)
    }

    @Test func blamesASoleSource() {
        var exchange = MetadataExchange()
        exchange.joined(key(1), claimedByteCount: 40_000, now: start)
        let lie = [UInt8](repeating: 7, count: 40_000)
        #expect(run(&exchange, sources: [1: lie], now: start) == [.complete(lie)])
        exchange.refused(now: start)
        #expect(exchange.takeActions() == [.blame(key(1))])
    }

    @Test func findsTheLiarAmongSeveralWithoutBlamingTheOthers() {
        var exchange = MetadataExchange()
        let lie = [UInt8](repeating: 7, count: 40_000)
        let sources: [UInt64: [UInt8]] = [1: lie, 2: metadata, 3: metadata]
        for number: UInt64 in 1...3 {
            exchange.joined(key(number), claimedByteCount: 40_000, now: start)
        }
        var blamed: [PeerKey] = []
        var verdict = false
        for _ in 0..<5 where !verdict {
            for action in run(&exchange, sources: sources, now: start) {
                switch action {
                case .complete(let bytes) where bytes == metadata:
                    exchange.accepted(isShared: true)
                    verdict = true
                case .complete: exchange.refused(now: start)
                case .blame(let peer): blamed.append(peer)
                case .send: Issue.record("\(action)")
                }
            }
        }
        #expect(verdict)
        #expect(blamed == [] || blamed == [key(1)])
    }

    @Test func goesOnWithAnotherSizeWhenNobodyOfTheFirstIsLeft() {
        var exchange = MetadataExchange()
        exchange.joined(key(1), claimedByteCount: 50_000, now: start)
        exchange.joined(key(2), claimedByteCount: 40_000, now: start)
        exchange.left(key(1), now: start)
        #expect(exchange.progress?.total == 40_000)
        #expect(run(&exchange, sources: [2: metadata], now: start).last == .complete(metadata))
    }

    @Test func keepsItsBlocksWhenAPeerLeaves() {
        var exchange = MetadataExchange()
        exchange.joined(key(1), claimedByteCount: 40_000, now: start)
        exchange.received(data(0, of: metadata), from: key(1), now: start)
        exchange.joined(key(2), claimedByteCount: 40_000, now: start)
        _ = exchange.takeActions()
        exchange.left(key(1), now: start)
        #expect(exchange.progress?.received == block)
    }

    @Test func servesEachPeerTwoPassesAndNoMore() {
        var exchange = MetadataExchange(serving: metadata, isShared: true)
        exchange.joined(key(1), claimedByteCount: nil, now: start)
        for _ in 0..<10 { exchange.received(.request(block: 0), from: key(1), now: start) }
        #expect(
            exchange.takeActions()
                == Array(repeating: .send(data(0, of: metadata), to: key(1)), count: 6)
                + Array(repeating: .send(.reject(block: 0), to: key(1)), count: 4)
        )
        exchange.joined(key(2), claimedByteCount: nil, now: start)
        exchange.received(.request(block: 2), from: key(2), now: start)
        exchange.received(.request(block: 3), from: key(2), now: start)
        #expect(
            exchange.takeActions() == [
                .send(data(2, of: metadata), to: key(2)), .send(.reject(block: 3), to: key(2)),
            ]
        )
    }

    @Test func rejectsRequestsForPrivateOrUnknownMetadataButNotForEver() {
        for var exchange in [
            MetadataExchange(), MetadataExchange(serving: metadata, isShared: false),
        ] {
            exchange.joined(key(1), claimedByteCount: nil, now: start)
            for _ in 0..<100 { exchange.received(.request(block: 0), from: key(1), now: start) }
            #expect(
                exchange.takeActions()
                    == Array(repeating: .send(.reject(block: 0), to: key(1)), count: 64)
            )
        }
    }

    /// Peers come, go, lie and stay silent at random; the truth is found while somebody tells it.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func endsWithTheTruth(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var exchange = MetadataExchange()
        var now = start
        let lie = [UInt8](repeating: 7, count: 40_000)
        for number: UInt64 in 1...6 {
            exchange.joined(
                key(number),
                claimedByteCount: number == 5 ? 50_000 : 40_000,
                now: now
            )
        }
        for _ in 0..<1000 {
            let actions = exchange.takeActions()
            if actions.isEmpty, let next = exchange.nextDeadline {
                now = max(now, next)
                exchange.timerFired(now: now)
            }
            for action in actions {
                switch action {
                case .complete(let bytes) where bytes == metadata: return
                case .complete: exchange.refused(now: now)
                case .blame(let peer):
                    #expect(peer == key(1) || peer == key(2))
                    exchange.left(peer, now: now)
                case .send(.request(let number), let peer):
                    let isLiar = peer.rawValue <= 2
                    guard peer.rawValue != 5, Int.random(in: 0..<10, using: &random) > 1 else {
                        continue
                    }
                    exchange.received(
                        data(number, of: isLiar ? lie : metadata),
                        from: peer,
                        now: now
                    )
                case .send: Issue.record("\(action)")
                }
            }
        }
        Issue.record("not complete")
    }
}
