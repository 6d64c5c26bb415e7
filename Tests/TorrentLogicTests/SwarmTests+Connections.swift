import BitTorrentProtocol
import Testing
import TorrentLogic

/// Connections: how they are kept, refused and ended.
extension SwarmTests {
    @Test func keepsAConnectionAliveAndClosesASilentOne() {
        var swarm = swarm()
        connect(&swarm, alice)
        _ = swarm.takeActions()
        var keepAlives: [Double] = []
        var time = 0.0
        while swarm.peerCount == 1, let next = swarm.nextDeadline, time < 1000 {
            time = (next - start) / .seconds(1)
            swarm.timerFired(now: next)
            for action in swarm.takeActions() {
                if action == .send(.keepAlive, to: alice) { keepAlives.append(time) }
            }
        }
        #expect(keepAlives == [95, 190])
        #expect(time == 240)
    }

    @Test func nothingWantedIsNoReasonToLoseInterest() {
        var swarm = swarm()
        read(&swarm, piece: 0)
        connect(&swarm, alice)
        _ = swarm.receivedBlock(piece: 0, offset: 0, length: 16384, from: alice, now: start)
        _ = swarm.receivedBlock(piece: 0, offset: 16384, length: 16384, from: alice, now: start)
        swarm.verified(PieceIndex(0), now: start)
        _ = swarm.takeActions()
        var lost: Double?
        while let next = swarm.nextDeadline, lost == nil {
            swarm.received(.keepAlive, from: alice, now: next)
            swarm.timerFired(now: next)
            if swarm.takeActions().contains(.send(.notInterested, to: alice)) {
                lost = (next - start) / .seconds(1)
            }
        }
        #expect(lost.map { (600...605).contains($0) } == true)
        #expect(swarm.peerCount == 1)
    }

    @Test func dropsAConnectionToItself() {
        var swarm = swarm()
        read(&swarm, piece: 0)
        let own = localAddress(port: 6000)
        swarm.found([own], now: start)
        #expect(swarm.takeActions() == [.dial(own)])
        swarm.connected(alice, address: own, isIncoming: false, id: peerID(0), now: start)
        #expect(swarm.takeActions() == [.close(alice, reason: .ownConnection)])
        swarm.found([own], now: after(4000))
        #expect(swarm.takeActions() == [])
    }

    @Test func oneOfTwoSimultaneousConnectionsStaysTheSameOnBothSides() {
        // Both sides dial: connection 1 by peer 0 and connection 2 by peer 1.
        for order in [[1, 2], [2, 1]] {
            var survivors: [Int] = []
            for side in [0, 1] {
                var swarm = Swarm(
                    geometry: geometry,
                    have: field(0..<0),
                    ownID: peerID(side),
                    seed: 1,
                    now: start
                )
                for connection in order {
                    swarm.connected(
                        PeerKey(rawValue: UInt64(connection)),
                        address: localAddress(port: 7000),
                        isIncoming: connection - 1 != side,
                        id: peerID(1 - side),
                        now: start
                    )
                }
                let closed = swarm.takeActions().compactMap { action -> UInt64? in
                    guard case .close(let key, .duplicateConnection) = action else { return nil }
                    return key.rawValue
                }
                #expect(closed.count == 1)
                survivors.append(closed == [1] ? 2 : 1)
            }
            #expect(survivors == [1, 1])
        }
    }

    @Test func anOldConnectionWinsOverANewOne() {
        var swarm = swarm()
        connect(&swarm, alice)
        _ = swarm.takeActions()
        swarm.connected(
            bob,
            address: localAddress(port: 50000),
            isIncoming: true,
            id: peerID(1),
            now: after(60)
        )
        #expect(swarm.takeActions() == [.close(bob, reason: .duplicateConnection)])
    }

    @Test func connectionsAreBounded() {
        var swarm = swarm()
        for number in 1...51 { connect(&swarm, PeerKey(rawValue: UInt64(number))) }
        #expect(swarm.peerCount == 50)
        #expect(
            swarm.takeActions().contains(.close(PeerKey(rawValue: 51), reason: .tooManyPeers))
        )
    }

    @Test func aPieceThatCannotBeWrittenIsTriedAgainLaterWithoutBlame() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        connect(&swarm, alice)
        for offset in [UInt32(0), 16384] {
            _ = swarm.receivedBlock(
                piece: 4,
                offset: offset,
                length: 16384,
                from: alice,
                now: start
            )
        }
        _ = swarm.takeActions()
        swarm.writeFailed(PieceIndex(4), now: start)
        swarm.timerFired(now: after(5))
        #expect(swarm.takeActions() == [])
        swarm.timerFired(now: after(10))
        #expect(
            swarm.takeActions() == [
                .send(request(4, 0), to: alice), .send(request(4, 1), to: alice),
            ]
        )
    }

    @Test func aLostPieceIsFetchedAgainWhenRead() {
        var swarm = swarm(have: 0..<19)
        connect(&swarm, alice)
        read(&swarm, piece: 4)
        _ = swarm.takeActions()
        swarm.lost(PieceIndex(4), now: start)
        #expect(!swarm.have[PieceIndex(4)])
        #expect(swarm.takeActions().contains(.send(request(4, 0), to: alice)))
    }

    @Test func anAbandonedPieceIsCancelledAndForgotten() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        connect(&swarm, alice)
        _ = swarm.receivedBlock(piece: 4, offset: 0, length: 16384, from: alice, now: start)
        _ = swarm.takeActions()
        swarm.received(.choke, from: alice, now: start)
        for second in 1...61 {
            swarm.received(.keepAlive, from: alice, now: after(Double(second)))
            swarm.timerFired(now: after(Double(second)))
        }
        #expect(swarm.takeActions() == [.discard(PieceIndex(4))])
        #expect(!swarm.hasDemand)
    }

    @Test func stopClosesEverything() {
        var swarm = swarm()
        read(&swarm, piece: 0)
        connect(&swarm, alice)
        _ = swarm.takeActions()
        swarm.stop(now: start)
        #expect(swarm.takeActions() == [.close(alice, reason: .stopping)])
        #expect(swarm.nextDeadline == nil)
        swarm.connected(
            bob,
            address: localAddress(port: 6002),
            isIncoming: true,
            id: peerID(2),
            now: start
        )
        #expect(swarm.takeActions() == [.close(bob, reason: .stopping)])
    }
}
