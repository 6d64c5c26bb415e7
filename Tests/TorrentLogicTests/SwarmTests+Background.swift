import BitTorrentProtocol
import Testing
import TorrentLogic

/// Fetching a torrent whole (`Swarm.fetchWhole`).
extension SwarmTests {
    private func requested(_ actions: [Action], of key: PeerKey) -> [PieceIndex] {
        actions.compactMap { action in
            guard case .send(.request(let request), key) = action else { return nil }
            return PieceIndex(rawValue: request.piece)
        }
    }

    /// The pieces of the first requests, each once, in their order.
    private func firstPieces(_ swarm: inout Swarm, of key: PeerKey) -> [PieceIndex] {
        requested(swarm.takeActions(), of: key).reduce(into: []) { pieces, piece in
            if pieces.last != piece { pieces.append(piece) }
        }
    }

    @Test func withoutReadersTheRarestPiecesComeFirst() {
        var swarm = swarm()
        connect(&swarm, bob, has: 0..<17, unchoke: false)
        connect(&swarm, alice)
        swarm.fetchWhole(.always, now: start)
        let pieces = firstPieces(&swarm, of: alice)
        #expect(pieces.count == 2)
        #expect(pieces.allSatisfy { $0.rawValue >= 17 })
    }

    @Test func whereAllAreEquallyRareEveryoneBeginsElsewhere() {
        var begun: Set<PieceIndex> = []
        for seed in 1...20 {
            var swarm = Swarm(
                geometry: geometry,
                have: field(0..<0),
                ownID: peerID(0),
                seed: UInt64(seed),
                now: start
            )
            connect(&swarm, alice)
            swarm.fetchWhole(.always, now: start)
            begun.formUnion(firstPieces(&swarm, of: alice).prefix(1))
        }
        #expect(begun.count >= 5)
    }

    @Test func theBackgroundWaitsForReadersHereAndElsewhere() {
        var swarm = swarm()
        swarm.fetchWhole(.whenNobodyWaits, now: start)
        connect(&swarm, alice)
        #expect(swarm.hasDemand)
        #expect(!swarm.hasReaderDemand)
        #expect(firstPieces(&swarm, of: alice) == [])
        swarm.fetchWhole(.always, now: start)
        #expect(!firstPieces(&swarm, of: alice).isEmpty)
        swarm.fetchWhole(nil, now: start)
        #expect(!swarm.hasDemand)
    }

    @Test func aReaderComesBeforeAllThatTheBackgroundHasRequested() {
        let geometry = PieceGeometry(pieceLength: 32768, totalLength: 1000 * 32768)
        var swarm = Swarm(
            geometry: geometry,
            have: Bitfield(count: 1000),
            ownID: peerID(0),
            seed: 1,
            now: start
        )
        swarm.connected(
            alice,
            address: localAddress(port: 6001),
            isIncoming: false,
            id: peerID(1),
            now: start
        )
        swarm.received(.bitfield(Bitfield(full: 1000).bytes), from: alice, now: start)
        swarm.received(.unchoke, from: alice, now: start)
        swarm.fetchWhole(.always, now: start)
        // Twenty blocks a second, of which it keeps those of three seconds waiting.
        var waiting: [BlockRequest] = []
        func perform(at now: ContinuousClock.Instant) {
            for action in swarm.takeActions() {
                switch action {
                case .send(.request(let request), alice): waiting.append(request)
                case .send(.cancel(let request), alice): waiting.removeAll { $0 == request }
                case .verify(let piece): swarm.verified(piece, now: now)
                default: break
                }
            }
        }
        for tick in 1...200 {
            let now = after(Double(tick) * 0.05)
            perform(at: now)
            let request = waiting.removeFirst()
            _ = swarm.receivedBlock(
                piece: request.piece,
                offset: request.offset,
                length: request.length,
                from: alice,
                now: now
            )
            swarm.timerFired(now: now)
        }
        perform(at: after(10))
        #expect((50...70).contains(waiting.count))
        swarm.waitBegan(WaitID(rawValue: 1), for: 0..<16384, now: after(10))
        perform(at: after(10))
        #expect(waiting.count < 30)
        #expect(swarm.hasReaderDemand)
    }
}
