import BitTorrentProtocol
import Testing
import TorrentLogic

/// Web seeds among the peers of a swarm.
@Suite struct WebSeedSwarmTests {
    typealias Action = Swarm.Action
    let start = ContinuousClock.now
    /// Forty pieces of eight blocks.
    let geometry = PieceGeometry(pieceLength: 131_072, totalLength: 40 * 131_072)
    let seed = PeerKey.webSeed(0)
    let alice = PeerKey(rawValue: 1)

    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    func swarm(webSeedCount: Int = 1) -> Swarm {
        Swarm(
            geometry: geometry,
            have: Bitfield(count: 40),
            webSeedCount: webSeedCount,
            ownID: peerID(0),
            seed: 1,
            now: start
        )
    }

    func read(_ swarm: inout Swarm, piece: Int, at time: Double = 0) {
        let offset = UInt64(piece) * 131_072
        swarm.read(
            offset..<offset + 4096,
            in: offset..<offset + 131_072,
            by: ReaderID(client: 1, file: UInt32(piece)),
            now: after(time)
        )
    }

    func connectAlice(_ swarm: inout Swarm) {
        swarm.connected(
            alice,
            address: localAddress(port: 6001),
            isIncoming: false,
            id: peerID(1),
            now: start
        )
        swarm.received(.bitfield(Bitfield(full: 40).bytes), from: alice, now: start)
        swarm.received(.unchoke, from: alice, now: start)
    }

    func requests(_ actions: [Action], to key: PeerKey) -> [BlockRequest] {
        actions.compactMap {
            if case .send(.request(let request), key) = $0 { request } else { nil }
        }
    }

    /// Lets time pass until the web seed is asked; seconds since the start.
    func nextRequest(_ swarm: inout Swarm) -> Double? {
        while let next = swarm.nextDeadline, next < after(60) {
            swarm.timerFired(now: next)
            guard requests(swarm.takeActions(), to: seed).isEmpty else {
                return (next - start) / .seconds(1)
            }
        }
        return nil
    }

    /// Delivers what was requested and is requested next, and verifies or rejects the piece that it
    /// completes.
    func deliver(
        _ swarm: inout Swarm,
        _ actions: [Action],
        from key: PeerKey,
        isRight: Bool,
        at time: Double
    ) -> [Action] {
        var actions = actions
        while !actions.isEmpty {
            for request in requests(actions, to: key) {
                _ = swarm.receivedBlock(
                    piece: request.piece,
                    offset: request.offset,
                    length: request.length,
                    from: key,
                    now: after(time)
                )
            }
            actions = swarm.takeActions()
            for case .verify(let piece) in actions {
                if isRight {
                    swarm.verified(piece, now: after(time))
                } else {
                    swarm.rejected(piece, blockDigests: Array(1...8), now: after(time))
                }
                return actions + swarm.takeActions()
            }
        }
        return []
    }

    @Test func isAskedInRunsAsSoonAsSomethingIsWanted() {
        var swarm = swarm()
        #expect(swarm.nextDeadline == nil)
        read(&swarm, piece: 4)
        let actions = swarm.takeActions()
        #expect(requests(actions, to: seed).map(\.piece) == [UInt32](repeating: 4, count: 8))
        #expect(actions.count == 8, "nothing but requests is said to a web seed")
        #expect(swarm.usablePeerCount == 1)
        #expect(swarm.peerCount == 0, "a web seed is no connection")
    }

    @Test func isAskedForNothingLessThanARunBesideAPeer() {
        var swarm = swarm()
        connectAlice(&swarm)
        read(&swarm, piece: 4)
        let actions = swarm.takeActions()
        let blocks = requests(actions, to: seed).map { $0.offset / 16384 }
        #expect(blocks.count >= 4)
        #expect(zip(blocks, blocks.dropFirst()).allSatisfy { $1 == $0 + 1 })
        #expect(requests(actions, to: alice).count + blocks.count == 8)
    }

    @Test func leavesWhenNothingIsWantedAnyMore() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        _ = deliver(&swarm, swarm.takeActions(), from: seed, isRight: true, at: 0.5)
        var closed: Double?
        while let next = swarm.nextDeadline, closed == nil {
            swarm.timerFired(now: next)
            if swarm.takeActions().contains(.close(seed, reason: .notNeeded)) {
                closed = (next - start) / .seconds(1)
            }
        }
        #expect(closed.map { (60...70).contains($0) } == true)
        #expect(swarm.nextDeadline == nil, "a torrent at rest has no timer")
        read(&swarm, piece: 5, at: 200)
        #expect(!requests(swarm.takeActions(), to: seed).isEmpty)
    }

    @Test func restsAfterAFailureAndComesBack() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        _ = swarm.takeActions()
        swarm.webSeedFailed(seed, .unavailable(retryAfter: nil), now: after(1))
        #expect(swarm.takeActions() == [.close(seed, reason: .webSeedFailed)])
        #expect(swarm.usablePeerCount == 0)
        #expect(nextRequest(&swarm) == 4)
        swarm.webSeedFailed(seed, .unavailable(retryAfter: .seconds(30)), now: after(5))
        _ = swarm.takeActions()
        #expect(nextRequest(&swarm) == 35)
    }

    @Test func isNotAskedForWhatItLacks() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        _ = swarm.takeActions()
        swarm.webSeedFailed(seed, .lacks(4 * 131_072..<6 * 131_072), now: after(1))
        #expect(swarm.takeActions() == [])
        read(&swarm, piece: 6, at: 2)
        #expect(Set(requests(swarm.takeActions(), to: seed).map(\.piece)) == [6])
        swarm.webSeedFailed(seed, .lacks(0..<geometry.totalLength), now: after(3))
        #expect(swarm.takeActions() == [.close(seed, reason: .nothingOffered)])
        read(&swarm, piece: 7, at: 4)
        #expect(requests(swarm.takeActions(), to: seed).isEmpty)
    }

    @Test func isDroppedAfterThreeWrongPieces() {
        var swarm = swarm()
        var closed: [Action] = []
        for number in 0..<3 {
            read(&swarm, piece: 4 + number, at: Double(number))
            var actions = swarm.takeActions()
            #expect(!requests(actions, to: seed).isEmpty)
            actions = deliver(&swarm, actions, from: seed, isRight: false, at: Double(number) + 0.5)
            closed += actions.filter { $0 == .close(seed, reason: .banned) }
            #expect(closed.count == (number == 2 ? 1 : 0))
            // It is the only one who has the piece, so it is asked again.
            guard number < 2 else { break }
            _ = deliver(&swarm, actions, from: seed, isRight: true, at: Double(number) + 0.6)
        }
        read(&swarm, piece: 20, at: 10)
        #expect(requests(swarm.takeActions(), to: seed).isEmpty)
    }

    @Test func afterAWrongPieceAnotherPeerIsAskedForItFirst() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        let actions = swarm.takeActions()
        connectAlice(&swarm)
        _ = swarm.takeActions()
        let retry = deliver(&swarm, actions, from: seed, isRight: false, at: 0.5)
        #expect(requests(retry, to: seed).isEmpty)
        #expect(requests(retry, to: alice).map(\.piece).contains(4))
    }

    @Test func oneThatIsSilentFailsAndHoldsNobodyUp() {
        var swarm = swarm()
        read(&swarm, piece: 4)
        _ = swarm.takeActions()
        connectAlice(&swarm)
        var hedged: Double?
        var failed: Double?
        while let next = swarm.nextDeadline, failed == nil, next < after(60) {
            swarm.timerFired(now: next)
            let actions = swarm.takeActions()
            if hedged == nil, !requests(actions, to: alice).isEmpty {
                hedged = (next - start) / .seconds(1)
            }
            if actions.contains(.close(seed, reason: .webSeedFailed)) {
                failed = (next - start) / .seconds(1)
            }
        }
        #expect(hedged.map { $0 < 2 } == true)
        #expect(failed.map { $0 < 10 } == true)
    }
}
