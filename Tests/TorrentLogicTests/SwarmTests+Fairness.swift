import BitTorrentProtocol
import Testing
import TorrentLogic

/// Being a good peer to good ones, and rid of the others.
extension SwarmTests {
    private func connectFast(
        _ swarm: inout Swarm,
        _ key: PeerKey,
        sending first: PeerMessage,
        allowedFast: [PieceIndex] = []
    ) {
        swarm.connected(
            key,
            address: localAddress(port: UInt16(6000 + key.rawValue)),
            isIncoming: false,
            id: peerID(Int(key.rawValue)),
            isFast: true,
            allowedFast: allowedFast,
            now: start
        )
        swarm.received(first, from: key, now: start)
    }
    private func block(_ piece: Int, _ number: Int = 0) -> BlockRequest {
        BlockRequest(geometry.block(number, of: PieceIndex(piece)))
    }
    private func pieces(_ numbers: [Int]) -> [PieceIndex] { numbers.map { PieceIndex($0) } }

    // MARK: Slots

    @Test func theSlotOfOneThatLeftIsGivenToOneThatWaits() {
        var limits = SwarmLimits()
        limits.uploadSlots = 1
        var swarm = swarm(have: 0..<10, limits: limits)
        for key in [alice, bob] {
            connect(&swarm, key, has: 10..<20)
            swarm.received(.interested, from: key, now: start)
        }
        let before = swarm.takeActions()
        #expect(before.contains(.send(.unchoke, to: alice)))
        #expect(!before.contains(.send(.unchoke, to: bob)))
        swarm.disconnected(alice, now: start)
        #expect(swarm.takeActions().contains(.send(.unchoke, to: bob)))
    }

    // MARK: Allowed fast

    @Test func aPeerWithNothingMayRequestSomePiecesWhileChoked() {
        var swarm = swarm(have: 0..<10)
        connectFast(&swarm, alice, sending: .haveNone, allowedFast: pieces([3, 7, 15]))
        let allowed = swarm.takeActions().compactMap { action -> UInt32? in
            if case .send(.allowedFast(let piece), alice) = action { piece } else { nil }
        }
        // Of what we have.
        #expect(allowed == [3, 7])
        swarm.received(.request(block(3)), from: alice, now: start)
        #expect(
            swarm.takeActions() == [.serve(geometry.block(0, of: PieceIndex(3)), to: alice)]
        )
        swarm.received(.request(block(4)), from: alice, now: start)
        #expect(swarm.takeActions() == [.send(.reject(block(4)), to: alice)])
    }

    @Test func whatIsAllowedFastIsServedOnceOverAndNoMore() {
        var swarm = swarm(have: 0..<10)
        connectFast(&swarm, alice, sending: .haveNone, allowedFast: pieces([3]))
        _ = swarm.takeActions()
        for number in 0..<2 {
            swarm.received(.request(block(3, number)), from: alice, now: start)
        }
        #expect(swarm.takeActions().count == 2)
        swarm.received(.request(block(3)), from: alice, now: start)
        #expect(swarm.takeActions() == [.send(.reject(block(3)), to: alice)])
    }

    @Test func whoHasPiecesIsAllowedNothingFast() {
        var swarm = swarm(have: 0..<10)
        connectFast(
            &swarm,
            alice,
            sending: .bitfield(field(5..<16).bytes),
            allowedFast: pieces([3])
        )
        connectFast(&swarm, bob, sending: .haveAll, allowedFast: pieces([3]))
        for action in swarm.takeActions() {
            if case .send(.allowedFast, _) = action { Issue.record("\(action)") }
        }
    }

    @Test func suggestionsAreFollowedAmongWhatIsWantedSoonButNotBeforeWhatIsWaitedFor() {
        var picker = PiecePicker(geometry: geometry, maximumByteCount: 64 << 20)
        picker.replan(pieces(Array(0..<20)), urgentCount: 1)
        var picked: [UInt32] = []
        for _ in 0..<6 {
            let block = picker.nextBlock(
                for: alice,
                peerHas: field(0..<20),
                have: field(0..<0),
                suggested: pieces([6, 18])
            )
            if let block { picked.append(block.piece.rawValue) }
        }
        // The eighteenth is not wanted soon.
        #expect(picked == [0, 0, 6, 6, 1, 1])
    }

    @Test func aSuggestionOutOfRangeIsAViolation() {
        var swarm = swarm()
        connectFast(&swarm, alice, sending: .haveAll)
        swarm.received(.suggest(piece: 20), from: alice, now: start)
        #expect(isClosed(swarm.takeActions(), alice))
    }

    // MARK: Pieces that are gone (BEP 54)

    @Test func aPieceThatAPeerHasLostIsRequestedElsewhere() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        connect(&swarm, alice)
        _ = swarm.takeActions()
        swarm.receivedDontHave(4, from: alice, now: start)
        connect(&swarm, bob)
        #expect(swarm.takeActions().contains(.send(request(4, 0), to: bob)))
        swarm.receivedDontHave(20, from: alice, now: start)
        #expect(isClosed(swarm.takeActions(), alice))
    }

    @Test func everyPeerIsToldOfALostPiece() {
        var swarm = swarm(have: 0..<10)
        connect(&swarm, alice, has: 0..<2)
        connect(&swarm, bob, has: 4..<6)
        _ = swarm.takeActions()
        swarm.lost(PieceIndex(4), now: start)
        let told = swarm.takeActions().compactMap { action -> PeerKey? in
            if case .tellLost(PieceIndex(4), let key) = action { key } else { nil }
        }
        #expect(told == [alice, bob])
        // And whoever asks all the same is not served.
        swarm.received(.interested, from: alice, now: start)
        swarm.received(.request(block(4)), from: alice, now: start)
        #expect(!swarm.takeActions().contains { if case .serve = $0 { true } else { false } })
    }

    // MARK: Superfluous connections

    @Test func twoSeedsPartButNotWhileAnythingMayYetBeRead() {
        var swarm = swarm(have: 0..<20)
        connect(&swarm, alice)
        #expect(swarm.takeActions().last == .close(alice, reason: .superfluous))
        connect(&swarm, bob, has: 0..<19)
        _ = swarm.takeActions()
        swarm.received(.have(piece: 19), from: bob, now: start)
        #expect(swarm.takeActions() == [.close(bob, reason: .superfluous)])
        var partial = self.swarm(have: 0..<19)
        connect(&partial, alice)
        partial.receivedUploadOnly(true, from: alice, now: start)
        #expect(partial.peerCount == 1)
    }

    @Test func aSeedPartsFromWhoWantsNoData() {
        var swarm = swarm(have: 0..<20)
        connect(&swarm, alice, has: 0..<3)
        swarm.receivedUploadOnly(false, from: alice, now: start)
        #expect(swarm.peerCount == 1)
        swarm.receivedUploadOnly(true, from: alice, now: start)
        #expect(swarm.peerCount == 0)
    }

    // MARK: Room

    @Test func aNewcomerTakesThePlaceOfAPeerOfNoUse() {
        var swarm = swarm()
        read(&swarm, piece: 0)
        for number in 1...50 {
            connect(&swarm, PeerKey(rawValue: UInt64(number)), has: 0..<(number == 7 ? 0 : 20))
        }
        _ = swarm.takeActions()
        // Nobody is judged before it could say what it has.
        connect(&swarm, PeerKey(rawValue: 51), at: 10)
        #expect(swarm.takeActions().contains(.close(PeerKey(rawValue: 51), reason: .tooManyPeers)))
        connect(&swarm, PeerKey(rawValue: 52), at: 40)
        #expect(swarm.takeActions().contains(.close(PeerKey(rawValue: 7), reason: .replaced)))
        #expect(swarm.peerCount == 50)
    }

    @Test func theOnlyPeerWithAWantedPieceStays() {
        var limits = SwarmLimits()
        limits.maximumPeers = 2
        var swarm = swarm(limits: limits)
        read(&swarm, piece: 4)
        connect(&swarm, alice, has: 4..<5, unchoke: false)
        connect(&swarm, bob, has: 0..<2, unchoke: false)
        connect(&swarm, PeerKey(rawValue: 3), has: 0..<1, at: 60)
        let closed = swarm.takeActions().compactMap { action -> PeerKey? in
            if case .close(let key, .replaced) = action { key } else { nil }
        }
        #expect(closed == [bob])
    }

    @Test func threePeersOfOnePublicAddressAreEnough() {
        var swarm = swarm()
        for number in 1...5 {
            swarm.connected(
                PeerKey(rawValue: UInt64(number)),
                address: address([93, 184, 216, 34], UInt16(7000 + number)),
                isIncoming: true,
                id: peerID(number),
                now: start
            )
        }
        #expect(swarm.peerCount == 3)
    }

    @Test func fewerPeersAreKeptFromNowOn() {
        var swarm = swarm()
        for number in 1...20 { connect(&swarm, PeerKey(rawValue: UInt64(number))) }
        swarm.setMaximumPeers(5, now: after(1))
        #expect(swarm.peerCount == 5)
        swarm.giveUpConnection(now: after(2))
        #expect(swarm.peerCount == 4)
    }

    @Test func connectionsToFilteredAddressesEnd() {
        var swarm = swarm()
        connect(&swarm, alice)
        connect(&swarm, bob)
        _ = swarm.takeActions()
        swarm.closeFiltered({ $0.port != 6001 }, now: start)
        #expect(swarm.takeActions() == [.close(alice, reason: .filtered)])
    }

    @Test func dialsInTheOrderOfThePriorityThatBothSidesKnow() {
        var swarm = swarm()
        read(&swarm, piece: 0)
        connect(&swarm, alice)
        swarm.heardOwnAddress(address([123, 213, 32, 10], 6881), from: alice)
        _ = swarm.takeActions()
        let far = (1...60).map { address([98, 76, UInt8($0), 32], 6881) }
        swarm.found(far, now: start)
        let dialled = swarm.takeActions().compactMap { action -> PeerAddress? in
            if case .dial(let address) = action { address } else { nil }
        }
        let own = address([123, 213, 32, 10], 6881)
        let best = far.map { PeerPriority(own, $0) }.sorted(by: >).prefix(dialled.count)
        #expect(dialled.map { PeerPriority(own, $0) } == Array(best))
    }
}
