import BitTorrentProtocol
import Testing
import TorrentLogic

/// The fast extension (BEP 6), and how many requests a peer keeps (BEP 10).
extension SwarmTests {
    private func connectFast(
        _ swarm: inout Swarm,
        _ key: PeerKey,
        sending first: PeerMessage? = .haveAll
    ) {
        swarm.connected(
            key,
            address: localAddress(port: UInt16(6000 + key.rawValue)),
            isIncoming: false,
            id: peerID(Int(key.rawValue)),
            isFast: true,
            now: start
        )
        if let first { swarm.received(first, from: key, now: start) }
    }
    private func block(_ piece: Int, _ number: Int = 0) -> BlockRequest {
        BlockRequest(geometry.block(number, of: PieceIndex(piece)))
    }

    @Test(arguments: [
        (0..<0, PeerMessage.haveNone), (0..<20, .haveAll),
        (0..<8, .bitfield([0xff, 0, 0])),
    ])
    func greetsAFastPeerWithExactlyOneOfThree(have: Range<Int>, greeting: PeerMessage) {
        var swarm = swarm(have: have)
        connectFast(&swarm, alice, sending: nil)
        #expect(swarm.takeActions() == [.send(greeting, to: alice)])
    }

    @Test func haveAllIsAsGoodAsABitfieldAndHaveNoneOffersNothing() {
        var swarm = swarm()
        read(&swarm, piece: 0)
        connectFast(&swarm, alice)
        connectFast(&swarm, bob, sending: .haveNone)
        swarm.received(.unchoke, from: alice, now: start)
        swarm.received(.unchoke, from: bob, now: start)
        #expect(swarm.usablePeerCount == 1)
        #expect(swarm.takeActions().contains(.send(request(0, 0), to: alice)))
    }

    @Test(arguments: [PeerMessage.haveAll, .haveNone])
    func closesAPeerThatSaysTwiceWhatItHas(second: PeerMessage) {
        var swarm = swarm()
        connectFast(&swarm, alice)
        swarm.received(second, from: alice, now: start)
        #expect(isClosed(swarm.takeActions(), alice))
    }

    @Test func takesNoNoticeOfFastMessagesThatWereNotOffered() {
        var swarm = swarm()
        connect(&swarm, alice, has: 0..<1)
        _ = swarm.takeActions()
        for message in [
            PeerMessage.haveAll, .haveNone, .reject(block(0)), .allowedFast(piece: 99),
            .suggest(piece: 99),
        ] {
            swarm.received(message, from: alice, now: start)
        }
        #expect(swarm.takeActions() == [])
    }

    @Test func aRejectedBlockGoesToAnotherPeerAndThePeerRests() {
        var swarm = swarm()
        read(&swarm, piece: 0)
        connectFast(&swarm, alice)
        swarm.received(.unchoke, from: alice, now: start)
        _ = swarm.takeActions()
        swarm.received(.reject(block(0)), from: alice, now: start)
        #expect(swarm.takeActions() == [])
        connectFast(&swarm, bob)
        swarm.received(.unchoke, from: bob, now: start)
        #expect(swarm.takeActions().contains(.send(request(0, 0), to: bob)))
        // Alone again, the peer that rested is asked again.
        swarm.disconnected(bob, now: after(0.1))
        _ = swarm.takeActions()
        var asked: Double?
        while asked == nil, let next = swarm.nextDeadline, next < after(10) {
            swarm.timerFired(now: next)
            if swarm.takeActions().contains(.send(request(0, 0), to: alice)) {
                asked = (next - start) / .seconds(1)
            }
        }
        #expect(asked.map { (1...1.2).contains($0) } == true)
    }

    @Test func afterAChokeAFastPeerAnswersEachRequestWithItsBlockOrAReject() {
        var swarm = swarm()
        read(&swarm, piece: 0)
        connectFast(&swarm, alice)
        swarm.received(.unchoke, from: alice, now: start)
        swarm.received(.choke, from: alice, now: start)
        _ = swarm.takeActions()
        let kept = swarm.receivedBlock(
            piece: 0,
            offset: 0,
            length: 16384,
            from: alice,
            now: start
        )
        #expect(kept != nil)
        swarm.received(.reject(block(0, 1)), from: alice, now: start)
        #expect(swarm.wastedByteCount == 0)
        swarm.received(.unchoke, from: alice, now: after(0.1))
        #expect(swarm.takeActions() == [.send(request(0, 1), to: alice)])
    }

    @Test func requestsAllowedFastPiecesWhileChoked() {
        var swarm = swarm()
        read(&swarm, piece: 3)
        connectFast(&swarm, alice)
        _ = swarm.takeActions()
        swarm.received(.allowedFast(piece: 7), from: alice, now: start)
        #expect(!swarm.takeActions().contains(.send(request(3, 0), to: alice)))
        swarm.received(.allowedFast(piece: 3), from: alice, now: start)
        #expect(swarm.takeActions().contains(.send(request(3, 0), to: alice)))
        // Not allowed after all: no loop of requests and rejects.
        swarm.received(.reject(block(3, 0)), from: alice, now: start)
        swarm.received(.reject(block(3, 1)), from: alice, now: start)
        #expect(swarm.takeActions() == [])
    }

    @Test func aRejectOfACancelledRequestSaysNothingOfTheNextOne() throws {
        var swarm = swarm()
        for piece in 0..<20 { read(&swarm, piece: piece) }
        connectFast(&swarm, alice)
        swarm.received(.unchoke, from: alice, now: start)
        _ = swarm.takeActions()
        swarm.readerLeft(1, now: start)
        let cancelled = swarm.takeActions().compactMap { action in
            if case .send(.cancel(let request), alice) = action { return request }
            return nil
        }
        // What is first in line is on its way already.
        let request = try #require(cancelled.last)
        read(&swarm, piece: Int(request.piece))
        #expect(swarm.takeActions().contains(.send(.request(request), to: alice)))
        for request in cancelled { swarm.received(.reject(request), from: alice, now: start) }
        #expect(swarm.takeActions() == [])
        let kept = swarm.receivedBlock(
            piece: request.piece,
            offset: request.offset,
            length: request.length,
            from: alice,
            now: start
        )
        #expect(kept != nil && swarm.wastedByteCount == 0)
    }

    @Test func aReaderThatJumpsAboutCostsNoConnection() {
        var swarm = swarm()
        connectFast(&swarm, alice)
        swarm.received(.unchoke, from: alice, now: start)
        var cancelled: [BlockRequest] = []
        for round in 0..<200 {
            read(&swarm, piece: round % 20)
            swarm.readerLeft(1, now: start)
            for case .send(.cancel(let request), _) in swarm.takeActions() {
                cancelled.append(request)
            }
        }
        #expect(cancelled.count > 64)
        for request in cancelled { swarm.received(.reject(request), from: alice, now: start) }
        #expect(!isClosed(swarm.takeActions(), alice))
    }

    @Test func closesAPeerWhoseRejectsOrAllowedFastPiecesAreNonsense() {
        for message in [
            PeerMessage.reject(BlockRequest(piece: 20, offset: 0, length: 16384)),
            .reject(BlockRequest(piece: 0, offset: 1, length: 16384)), .allowedFast(piece: 20),
        ] {
            var swarm = swarm()
            connectFast(&swarm, alice)
            swarm.received(message, from: alice, now: start)
            #expect(isClosed(swarm.takeActions(), alice), "\(message)")
        }
        var swarm = swarm()
        connectFast(&swarm, alice)
        for _ in 0...64 { swarm.received(.reject(block(0)), from: alice, now: start) }
        #expect(isClosed(swarm.takeActions(), alice))
    }

    @Test func rejectsEveryRequestThatItDoesNotServe() {
        var swarm = swarm(have: 0..<10)
        connectFast(&swarm, alice, sending: .haveNone)
        _ = swarm.takeActions()
        // Choked.
        swarm.received(.request(block(0)), from: alice, now: start)
        #expect(swarm.takeActions() == [.send(.reject(block(0)), to: alice)])
        swarm.received(.interested, from: alice, now: start)
        #expect(swarm.takeActions() == [.send(.unchoke, to: alice)])
        // Not here.
        swarm.received(.request(block(12)), from: alice, now: start)
        #expect(swarm.takeActions() == [.send(.reject(block(12)), to: alice)])
        // Unreadable.
        swarm.received(.request(block(1)), from: alice, now: start)
        let served = geometry.block(0, of: PieceIndex(1))
        #expect(swarm.takeActions() == [.serve(served, to: alice)])
        swarm.serveFailed(served, to: alice, now: start)
        #expect(swarm.takeActions() == [.send(.reject(block(1)), to: alice)])
        // Cancelled, and choked away: 32 are under way, the others wait.
        for _ in 0..<32 { swarm.received(.request(block(2)), from: alice, now: start) }
        for piece in 3...5 { swarm.received(.request(block(piece)), from: alice, now: start) }
        _ = swarm.takeActions()
        swarm.received(.cancel(block(3)), from: alice, now: start)
        #expect(swarm.takeActions() == [.send(.reject(block(3)), to: alice)])
        // Its slot is needed.
        swarm.received(.notInterested, from: alice, now: start)
        for number in UInt64(2)..<10 {
            let key = PeerKey(rawValue: number)
            connectFast(&swarm, key, sending: .haveNone)
            swarm.received(.interested, from: key, now: start)
        }
        #expect(
            swarm.takeActions().filter { $0.isSent(to: alice) } == [
                .send(.choke, to: alice), .send(.reject(block(4)), to: alice),
                .send(.reject(block(5)), to: alice),
            ]
        )
    }

    @Test func neverHasMoreRequestsWithAPeerThanItKeeps() {
        var swarm = swarm()
        swarm.waitBegan(WaitID(rawValue: 1), for: 0..<20 * 32768, now: start)
        connectFast(&swarm, alice)
        swarm.limitRequests(of: alice, to: 3, now: start)
        swarm.received(.unchoke, from: alice, now: start)
        var outstanding = 0
        var blocks = 0
        while blocks < 40 {
            for case .send(.request, alice) in swarm.takeActions() {
                outstanding += 1
                #expect(outstanding <= 3)
            }
            let number = blocks
            _ = swarm.receivedBlock(
                piece: UInt32(number / 2),
                offset: UInt32(number % 2) * 16384,
                length: 16384,
                from: alice,
                now: after(Double(number) / 100)
            )
            outstanding -= 1
            blocks += 1
        }
        #expect(swarm.wastedByteCount == 0)
    }
}

extension Swarm.Action {
    fileprivate func isSent(to key: PeerKey) -> Bool {
        if case .send(_, key) = self { true } else { false }
    }
}
