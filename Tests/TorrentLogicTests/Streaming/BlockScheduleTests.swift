import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct BlockScheduleTests {
    let piece = PieceIndex(0)

    /// Peers by their rates in blocks a second; all have everything.
    func schedule(
        _ peers: [(rate: Double, finish: Double, hasRoom: Bool)],
        lacking: Set<Int> = []
    ) -> BlockSchedule {
        BlockSchedule(
            peers.enumerated().map { number, peer in
                BlockSchedule.Lane(
                    peer: number,
                    key: PeerKey(rawValue: UInt64(number)),
                    has: lacking.contains(number) ? Bitfield(count: 1) : Bitfield(full: 1),
                    hasRoom: peer.hasRoom,
                    blockTime: 1 / peer.rate,
                    finish: peer.finish
                )
            }
        )
    }

    @Test func asksWhoeverDeliversSoonest() {
        var schedule = schedule([(10, 0.3, true), (10, 0.2, true), (10, 0.1, false)])
        #expect(schedule.beginNextTurn() == 1)
        // The busy one would have it sooner; its second block comes no sooner than this one's first.
        #expect(schedule.admits(piece, blockCount: 1, dueIn: 0) == .pass)
        #expect(schedule.admits(piece, blockCount: 1, dueIn: 0) == .take)
    }

    @Test func aSlowPeerThatIsFreeGetsNothingThatABusyFastOneDeliversSooner() {
        var schedule = schedule([(60, 0.3, false), (1, 1.2, true)])
        #expect(schedule.beginNextTurn() == 1)
        #expect(schedule.admits(piece, blockCount: 50, dueIn: 0.5) == .pass)
        // The busy one has so much to do by then that the slow one is no slower.
        #expect(schedule.admits(piece, blockCount: 50, dueIn: 0.5) == .take)
    }

    @Test func aSlowPeerGetsWhatItDeliversLongBeforeItIsNeeded() {
        var schedule = schedule([(60, 0.3, false), (1, 1.2, true)])
        #expect(schedule.beginNextTurn() == 1)
        #expect(schedule.admits(piece, blockCount: 1, dueIn: 2) == .pass)
        #expect(schedule.admits(piece, blockCount: 1, dueIn: 2.1) == .take)
    }

    @Test func looksAheadOnlySoFar() {
        var schedule = schedule([(1000, 0.3, false), (1, 9, true)])
        #expect(schedule.beginNextTurn() == 1)
        #expect(schedule.admits(piece, blockCount: 500, dueIn: 0) == .stop)
    }

    @Test func leavesNothingToAPeerThatMayNotBeAsked() {
        var schedule = schedule([(60, 0.1, false), (1, 1.2, true)])
        #expect(schedule.beginNextTurn() == 1)
        let admission = schedule.admits(
            piece,
            blockCount: 1,
            dueIn: 0,
            isOpen: { $0 != PeerKey(rawValue: 0) }
        )
        #expect(admission == .take)
    }

    @Test func leavesNothingToAPeerThatLacksIt() {
        var schedule = schedule([(60, 0.1, false), (1, 1.2, true)], lacking: [0])
        #expect(schedule.beginNextTurn() == 1)
        #expect(schedule.admits(piece, blockCount: 1, dueIn: 0) == .take)
    }

    @Test func stripesWhatIsNeededFirst() {
        var schedule = schedule([(20, 0.15, true), (20, 0.15, true), (10, 0.2, true)])
        var asked: [Int] = []
        while asked.count < 10, let peer = schedule.beginNextTurn() {
            #expect(schedule.admits(piece, blockCount: 1, dueIn: 0) == .take)
            schedule.requested()
            asked.append(peer)
        }
        #expect((0..<3).map { peer in asked.count { $0 == peer } } == [4, 4, 2])
    }

    @Test func equalsTakeTurnsFromAnyOfThem() {
        var schedule = schedule([(20, 0.1, true), (20, 0.1, true), (20, 0.1, true)])
        #expect(schedule.beginNextTurn(first: 4) == 1)
        schedule.retire()
        #expect(schedule.beginNextTurn(first: 4) == 2)
    }

    @Test func oneAloneIsNotWeighed() {
        var schedule = schedule([(1, 100, true)])
        #expect(schedule.isTrivial)
        #expect(schedule.beginNextTurn() == 0)
        #expect(schedule.admits(piece, blockCount: 1, dueIn: 0) == .take)
        var open = BlockSchedule([])
        #expect(open.beginTurn(of: 3) == true)
        #expect(open.admits(piece, blockCount: 1, dueIn: 0) == .take)
    }
}
