import BitTorrentProtocol
import Testing
import TorrentLogic

/// What peers hear of our pieces.
extension SwarmTests {
    private func haves(_ actions: [Action]) -> [PeerKey: [UInt32]] {
        var haves: [PeerKey: [UInt32]] = [:]
        for case .send(.have(let piece), let key) in actions {
            haves[key, default: []].append(piece)
        }
        return haves
    }

    @Test func newPiecesAreToldTogetherToWhoLacksThem() {
        var swarm = swarm()
        connect(&swarm, alice, has: 0..<0)
        connect(&swarm, bob, has: 3..<5)
        _ = swarm.takeActions()
        for piece in 2..<6 { swarm.verified(PieceIndex(piece), now: after(0.01 * Double(piece))) }
        #expect(haves(swarm.takeActions()) == [:])
        #expect(swarm.nextDeadline == after(0.12))
        // It got one elsewhere meanwhile.
        swarm.received(.have(piece: 5), from: bob, now: after(0.1))
        swarm.timerFired(now: after(0.12))
        #expect(haves(swarm.takeActions()) == [alice: [2, 3, 4, 5], bob: [2]])
        swarm.timerFired(now: after(1))
        #expect(haves(swarm.takeActions()) == [:])
    }

    @Test func aPieceThatIsGoneAtOnceIsNeverToldOf() {
        var swarm = swarm(have: 0..<2)
        connect(&swarm, alice, has: 0..<0)
        swarm.verified(PieceIndex(4), now: start)
        connect(&swarm, bob, has: 0..<0)
        _ = swarm.takeActions()
        swarm.lost(PieceIndex(4), now: after(0.05))
        // Bob knows of it by the bitfield.
        #expect(swarm.takeActions() == [.tellLost(PieceIndex(4), to: bob)])
        swarm.timerFired(now: after(0.1))
        #expect(swarm.takeActions() == [])
    }

    @Test func theLastPieceIsToldAtOnceAndThatNothingIsWanted() {
        var swarm = swarm(have: 0..<19)
        connect(&swarm, alice, has: 0..<0)
        _ = swarm.takeActions()
        swarm.verified(PieceIndex(19), now: start)
        #expect(
            swarm.takeActions() == [.send(.have(piece: 19), to: alice), .tellUploadOnly(true)]
        )
    }

    @Test func dataIsWantedAgainWhenAPieceOfAllIsLost() {
        var swarm = swarm(have: 0..<20)
        connect(&swarm, alice, has: 0..<0)
        _ = swarm.takeActions()
        swarm.lost(PieceIndex(7), now: start)
        #expect(
            swarm.takeActions() == [.tellUploadOnly(false), .tellLost(PieceIndex(7), to: alice)]
        )
        swarm.lost(PieceIndex(8), now: start)
        #expect(swarm.takeActions() == [.tellLost(PieceIndex(8), to: alice)])
    }
}
