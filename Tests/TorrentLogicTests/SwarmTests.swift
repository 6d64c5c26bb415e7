import BitTorrentProtocol
import Testing
import TorrentLogic

/// One swarm and what single peers do to it.
@Suite struct SwarmTests {
    typealias Action = Swarm.Action
    let start = ContinuousClock.now
    /// Twenty pieces of two blocks.
    let geometry = PieceGeometry(pieceLength: 32768, totalLength: 20 * 32768)
    let alice = PeerKey(rawValue: 1)
    let bob = PeerKey(rawValue: 2)
    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    func field(_ pieces: Range<Int>) -> Bitfield {
        var field = Bitfield(count: 20)
        for piece in pieces { field[PieceIndex(piece)] = true }
        return field
    }
    func swarm(have pieces: Range<Int> = 0..<0, limits: SwarmLimits = SwarmLimits()) -> Swarm {
        Swarm(
            geometry: geometry,
            have: field(pieces),
            ownID: peerID(0),
            limits: limits,
            seed: 1,
            now: start
        )
    }
    func read(_ swarm: inout Swarm, piece: Int, at time: Double = 0) {
        let offset = UInt64(piece) * 32768
        swarm.read(
            offset..<offset + 4096,
            in: offset..<offset + 32768,
            by: ReaderID(client: 1, file: UInt32(piece)),
            now: after(time)
        )
    }
    func connect(
        _ swarm: inout Swarm,
        _ key: PeerKey,
        has pieces: Range<Int> = 0..<20,
        unchoke: Bool = true,
        at time: Double = 0
    ) {
        swarm.connected(
            key,
            address: localAddress(port: UInt16(6000 + key.rawValue)),
            isIncoming: false,
            id: peerID(Int(key.rawValue)),
            now: after(time)
        )
        swarm.received(.bitfield(field(pieces).bytes), from: key, now: after(time))
        if unchoke { swarm.received(.unchoke, from: key, now: after(time)) }
    }
    func request(_ piece: Int, _ number: Int) -> PeerMessage {
        .request(BlockRequest(geometry.block(number, of: PieceIndex(piece))))
    }
    func isClosed(_ actions: [Action], _ key: PeerKey) -> Bool {
        actions.contains {
            if case .close(key, .protocolViolation) = $0 { true } else { false }
        }
    }

    @Test func greetsWithABitfieldUnlessItHasNothing() {
        var swarm = swarm(have: 0..<3)
        connect(&swarm, alice, has: 0..<3)
        #expect(swarm.takeActions() == [.send(.bitfield(field(0..<3).bytes), to: alice)])
        var empty = self.swarm()
        connect(&empty, alice)
        #expect(empty.takeActions() == [.send(.keepAlive, to: alice)])
    }

    @Test func aLaterBitfieldAddsToWhatAPeerHas() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        read(&swarm, piece: 15)
        connect(&swarm, alice, has: 0..<5)
        _ = swarm.takeActions()
        swarm.received(.bitfield(field(15..<16).bytes), from: alice, now: start)
        #expect(swarm.takeActions().contains(.send(request(15, 0), to: alice)))
        #expect(swarm.usablePeerCount == 1)
        swarm.received(.bitfield(field(0..<0).bytes), from: alice, now: start)
        #expect(swarm.usablePeerCount == 1)
    }

    @Test func isInterestedRightAfterTheBitfieldAndRequestsAtTheUnchoke() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        connect(&swarm, alice, unchoke: false)
        #expect(
            swarm.takeActions() == [.send(.keepAlive, to: alice), .send(.interested, to: alice)]
        )
        swarm.received(.unchoke, from: alice, now: start)
        #expect(
            swarm.takeActions() == [
                .send(request(4, 0), to: alice), .send(request(4, 1), to: alice),
            ]
        )
        #expect(swarm.usablePeerCount == 1)
    }

    @Test func aReadWakesIdlePeers() {
        var swarm = swarm()
        connect(&swarm, alice)
        _ = swarm.takeActions()
        read(&swarm, piece: 0)
        #expect(
            swarm.takeActions() == [
                .send(.interested, to: alice), .send(request(0, 0), to: alice),
                .send(request(0, 1), to: alice),
            ]
        )
    }

    @Test func theLifeOfAPiece() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        connect(&swarm, alice)
        connect(&swarm, bob, has: 0..<1)
        _ = swarm.takeActions()
        for offset in [UInt32(0), 16384] {
            let block = swarm.receivedBlock(
                piece: 4,
                offset: offset,
                length: 16384,
                from: alice,
                now: after(0.1)
            )
            #expect(block == Block(piece: PieceIndex(4), offset: offset, length: 16384))
        }
        #expect(swarm.takeActions() == [.verify(PieceIndex(4))])
        #expect(swarm.hasDemand)
        #expect(!swarm.wantsBlockDigests(of: PieceIndex(4)))
        swarm.verified(PieceIndex(4), now: after(0.2))
        #expect(swarm.takeActions() == [])
        swarm.timerFired(now: after(0.3))
        #expect(swarm.takeActions() == [.send(.have(piece: 4), to: bob)])
        #expect(swarm.have[PieceIndex(4)])
        #expect(!swarm.hasDemand)
    }

    @Test func aPeerThatGoesAwayLeavesItsBlocksToOthers() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        connect(&swarm, alice)
        connect(&swarm, bob)
        _ = swarm.takeActions()
        swarm.disconnected(alice, now: after(1))
        #expect(
            swarm.takeActions() == [.send(request(4, 0), to: bob), .send(request(4, 1), to: bob)]
        )
    }

    @Test func aChokeVoidsRequestsButALateBlockIsKept() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        connect(&swarm, alice)
        swarm.received(.choke, from: alice, now: after(0.1))
        _ = swarm.takeActions()
        #expect(
            swarm.receivedBlock(piece: 4, offset: 0, length: 16384, from: alice, now: after(0.1))
                != nil
        )
        swarm.received(.unchoke, from: alice, now: after(0.2))
        #expect(swarm.takeActions() == [.send(request(4, 1), to: alice)])
    }

    @Test func aSilentPeersBlocksAreTakenBackAndRequestedFromAnother() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        connect(&swarm, alice)
        _ = swarm.takeActions()
        connect(&swarm, bob)
        #expect(swarm.takeActions() == [.send(.keepAlive, to: bob), .send(.interested, to: bob)])
        var time = 0.0
        while time < 3 {
            time += 0.1
            swarm.timerFired(now: after(time))
        }
        let actions = swarm.takeActions()
        func cancel(_ number: Int) -> Action {
            .send(.cancel(BlockRequest(geometry.block(number, of: PieceIndex(4)))), to: alice)
        }
        #expect(
            actions == [
                .send(request(4, 0), to: bob), .send(request(4, 1), to: bob), cancel(0), cancel(1),
            ]
        )
        #expect(
            swarm.receivedBlock(piece: 4, offset: 0, length: 16384, from: bob, now: after(3)) != nil
        )
        #expect(swarm.takeActions() == [])
        #expect(
            swarm.receivedBlock(piece: 4, offset: 0, length: 16384, from: alice, now: after(3))
                == nil
        )
        #expect(swarm.peerCount == 2)
    }

    @Test func blocksNobodyAskedForAreDroppedAndTooManyOfThemEndTheConnection() {
        var swarm = swarm()
        connect(&swarm, alice)
        for number in 0..<64 {
            #expect(
                swarm.receivedBlock(
                    piece: UInt32(number % 20),
                    offset: 0,
                    length: 16384,
                    from: alice,
                    now: start
                )
                    == nil
            )
        }
        #expect(swarm.peerCount == 1)
        _ = swarm.receivedBlock(piece: 0, offset: 0, length: 16384, from: alice, now: start)
        #expect(isClosed(swarm.takeActions(), alice))
    }

    static let violations: [[PeerMessage]] = [
        [.have(piece: 20)], [.have(piece: .max)], [.bitfield([])],
        [.bitfield([0, 0, 1])], [.bitfield([0, 0, 0, 0])],
        [.have(piece: 1), .bitfield([0, 0, 1])],
        [.request(BlockRequest(piece: 20, offset: 0, length: 1))],
        [.request(BlockRequest(piece: 0, offset: 0, length: 0))],
        [.request(BlockRequest(piece: 0, offset: .max, length: .max))],
        [.request(BlockRequest(piece: 0, offset: 32768, length: 1))],
    ]

    @Test(arguments: violations) func aViolationEndsTheConnection(messages: [PeerMessage]) {
        var swarm = swarm(have: 0..<20)
        swarm.connected(
            alice,
            address: localAddress(port: 6001),
            isIncoming: true,
            id: peerID(1),
            now: start
        )
        for message in messages { swarm.received(message, from: alice, now: start) }
        #expect(isClosed(swarm.takeActions(), alice))
        #expect(swarm.peerCount == 0)
        swarm.received(.interested, from: alice, now: start)
        swarm.served(geometry.block(0, of: PieceIndex(0)), to: alice, now: start)
        #expect(swarm.takeActions() == [])
    }

    @Test(arguments: [(20, 0, 1), (0, 5, 16384), (0, 0, 100), (0, 32768, 16384)])
    func aBlockThatIsNoneEndsTheConnection(piece: UInt32, offset: UInt32, length: UInt32) {
        var swarm = swarm()
        connect(&swarm, alice)
        #expect(
            swarm.receivedBlock(
                piece: piece,
                offset: offset,
                length: length,
                from: alice,
                now: start
            ) == nil
        )
        #expect(isClosed(swarm.takeActions(), alice))
    }

    @Test func servesOnlyTheUnchokedAndOnlyWhatItHas() {
        var swarm = swarm(have: 0..<2)
        connect(&swarm, alice, has: 0..<0)
        _ = swarm.takeActions()
        swarm.received(request(0, 0), from: alice, now: start)
        #expect(swarm.takeActions() == [])
        swarm.received(.interested, from: alice, now: start)
        #expect(swarm.takeActions() == [.send(.unchoke, to: alice)])
        swarm.received(request(0, 0), from: alice, now: start)
        swarm.received(request(5, 0), from: alice, now: start)
        #expect(swarm.takeActions() == [.serve(geometry.block(0, of: PieceIndex(0)), to: alice)])
    }

    @Test func requestsQueueBoundedAndCanBeCancelled() {
        var swarm = swarm(have: 0..<20)
        connect(&swarm, alice, has: 0..<0)
        swarm.received(.interested, from: alice, now: start)
        _ = swarm.takeActions()
        for number in 0..<4000 {
            swarm.received(request(number / 2 % 20, number % 2), from: alice, now: start)
        }
        #expect(swarm.takeActions().count == 32)
        swarm.received(
            .cancel(BlockRequest(geometry.block(0, of: PieceIndex(16)))),
            from: alice,
            now: start
        )
        swarm.served(geometry.block(0, of: PieceIndex(0)), to: alice, now: start)
        #expect(swarm.takeActions() == [.serve(geometry.block(1, of: PieceIndex(16)), to: alice)])
        var served = 33
        while served < 5000 {
            swarm.served(geometry.block(0, of: PieceIndex(0)), to: alice, now: start)
            let count = swarm.takeActions().count
            if count == 0 { break }
            served += count
        }
        // What was under way and the queue, less the cancelled block, which was one in forty of it.
        #expect(served == 32 + 2000 - 2000 / 40)
    }
}
