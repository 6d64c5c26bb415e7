import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct PiecePickerTests {
    /// Ten pieces of four blocks; the last block of the last piece is short.
    let geometry = PieceGeometry(pieceLength: 65536, totalLength: 655_360 - 100)
    let alice = PeerKey(rawValue: 1)
    let bob = PeerKey(rawValue: 2)
    let nothing = Bitfield(count: 10)
    var everything: Bitfield { pieces(0..<10) }

    func pieces(_ range: Range<Int>) -> Bitfield {
        var field = Bitfield(count: 10)
        for piece in range { field[PieceIndex(piece)] = true }
        return field
    }

    func picker(_ plan: [Int], urgent: Int = 0, bound: UInt64 = 1 << 20) -> PiecePicker {
        var picker = PiecePicker(geometry: geometry, maximumByteCount: bound)
        picker.replan(plan.map { PieceIndex($0) }, urgentCount: urgent)
        return picker
    }

    func drain(
        _ picker: inout PiecePicker,
        _ peer: PeerKey,
        has: Bitfield? = nil,
        have: Bitfield? = nil
    ) -> [Block] {
        var blocks: [Block] = []
        while let block = picker.nextBlock(
            for: peer,
            peerHas: has ?? everything,
            have: have ?? nothing
        ) {
            blocks.append(block)
        }
        return blocks
    }

    func blocks(_ pieces: Int...) -> [Block] {
        pieces.flatMap { piece in
            (0..<geometry.blockCount(of: PieceIndex(piece))).map {
                geometry.block($0, of: PieceIndex(piece))
            }
        }
    }

    @Test func handsOutBlocksInOrderOfNeedOnceEach() {
        var picker = picker([3, 9, 1])
        #expect(drain(&picker, alice) == blocks(3, 9, 1))
        #expect(drain(&picker, bob) == [])
    }

    @Test func ofAPieceThatIsNotWantedWholeOnlyItsPartIsHandedOut() {
        var picker = picker([])
        let (first, second) = (PieceIndex(3), PieceIndex(5))
        picker.replan([first, second], urgentCount: 1, parts: [first: [0..<1, 2..<3]])
        #expect(picker.openBlockCount(atMost: 100, have: nothing).urgent == 2)
        let all = blocks(3)
        #expect(drain(&picker, alice) == [all[0], all[2]] + blocks(5))
        #expect(picker.isUnderWay(first))

        // One that came uncalled for is not missed, one that is given back is open again.
        let arrival = picker.received(all[1])
        #expect(arrival == .needed(requestCount: 0))
        picker.gaveBack(all[2])
        #expect(!picker.isUnderWay(first))
        #expect(drain(&picker, bob) == [all[2]])

        picker.replan([first], urgentCount: 0)
        #expect(drain(&picker, bob) == [all[3]])
        picker.gaveBack(all[3])
        picker.replan([first], urgentCount: 1, parts: [first: [0..<1]])
        #expect(picker.isUnderWay(first))
    }

    @Test func stripesAPieceOverPeers() {
        var picker = picker([0], urgent: 1)
        var takers: [PeerKey] = []
        for peer in [alice, bob, alice, bob] {
            #expect(picker.nextBlock(for: peer, peerHas: everything, have: nothing) != nil)
            takers.append(peer)
        }
        #expect(picker.nextBlock(for: alice, peerHas: everything, have: nothing) == nil)
    }

    @Test func givesAPeerOnlyWhatItHas() {
        var picker = picker([3, 4, 5])
        #expect(drain(&picker, alice, has: pieces(4..<5)) == blocks(4))
        #expect(drain(&picker, bob) == blocks(3, 5))
    }

    @Test func passesOverWhatCameInMeanwhile() {
        var picker = picker([3, 4])
        #expect(drain(&picker, alice, have: pieces(3..<4)) == blocks(4))
    }

    @Test func returnedBlocksAreHandedOutAgainFirst() {
        var picker = picker([0, 1])
        _ = drain(&picker, alice)
        let returned = blocks(0)[2]
        picker.gaveBack(returned)
        #expect(drain(&picker, bob) == [returned])
    }

    @Test func aDuplicateThatIsGivenBackLeavesTheFirstRequest() {
        var picker = picker([0])
        let block = drain(&picker, alice)[0]
        picker.duplicated(block)
        #expect(picker.requestCount(of: block) == 2)
        picker.gaveBack(block)
        #expect(drain(&picker, bob) == [])
        picker.gaveBack(block)
        #expect(drain(&picker, bob) == [block])
    }

    @Test func tellsHowManyRequestsABlockEnds() {
        var picker = picker([0])
        let block = drain(&picker, alice)[0]
        picker.duplicated(block)
        #expect(picker.received(block) == .needed(requestCount: 2))
        #expect(picker.received(block) == .notNeeded)
        #expect(picker.received(blocks(5)[0]) == .notNeeded)
    }

    @Test func boundsTheBytesOfUnfinishedPieces() {
        var picker = picker([0, 1, 2, 3], bound: 130_000)
        #expect(drain(&picker, alice) == blocks(0))
        for block in blocks(0) { _ = picker.received(block) }
        picker.drop(PieceIndex(0))
        #expect(drain(&picker, alice, have: pieces(0..<1)) == blocks(1))
    }

    @Test func anUrgentPieceDisplacesTheOneNeededLast() {
        var picker = picker([0, 1, 2], bound: 3 * 65536)
        _ = drain(&picker, alice)
        picker.replan([9, 1, 0].map { PieceIndex($0) }, urgentCount: 1)
        #expect(picker.unplannedPieces == [PieceIndex(2)])
        #expect(drain(&picker, alice) == blocks(9))
        #expect(picker.takeDisplaced() == [PieceIndex(2)])
        picker.replan([8, 9, 0, 1].map { PieceIndex($0) }, urgentCount: 2)
        #expect(drain(&picker, alice) == blocks(8))
        #expect(picker.takeDisplaced() == [PieceIndex(1)])
        #expect(picker.takeDisplaced() == [])
    }

    @Test func oneHugePieceIsAlwaysAllowed() {
        var picker = picker([0, 1], urgent: 2, bound: 1)
        #expect(drain(&picker, alice) == blocks(0))
    }

    @Test func aFailedPieceIsFetchedFromOnePeer() {
        var picker = picker([0, 1])
        _ = drain(&picker, alice)
        for block in blocks(0) { _ = picker.received(block) }
        picker.failed(PieceIndex(0), onlyFrom: bob)
        #expect(drain(&picker, alice) == [])
        #expect(drain(&picker, bob) == blocks(0))
        #expect(!picker.accepts(blocks(0)[0], from: alice))
        for block in blocks(0) { picker.gaveBack(block) }
        picker.releaseParole(of: bob)
        #expect(drain(&picker, alice) == blocks(0))
        #expect(picker.isOnParole(PieceIndex(0), with: alice))
    }

    @Test func aFailedPieceIsFetchedFromManyButNoBlockFromWhoeverSentItBefore() {
        var picker = picker([0])
        _ = drain(&picker, alice)
        for block in blocks(0) { _ = picker.received(block) }
        let all = blocks(0)
        picker.failed(
            PieceIndex(0),
            avoiding: [[alice], [bob], [alice], [bob]],
            sources: [alice, bob]
        )
        #expect(drain(&picker, alice) == [all[1], all[3]])
        #expect(!picker.accepts(all[0], from: alice))
        #expect(drain(&picker, bob) == [all[0], all[2]])
    }

    @Test func whoeverSentABlockBeforeIsAskedAgainOnceNobodyElseIsLeft() {
        var picker = picker([0])
        _ = drain(&picker, alice)
        for block in blocks(0) { _ = picker.received(block) }
        let avoided = [Set<PeerKey>](repeating: [alice], count: 4)
        picker.failed(PieceIndex(0), avoiding: avoided, sources: [alice, bob])
        #expect(drain(&picker, alice) == [])
        picker.releaseParole(of: bob)
        #expect(drain(&picker, alice) == blocks(0))
    }

    @Test func ofAFailedPieceWhatIsRightIsNotFetchedAgain() {
        var picker = picker([0])
        let all = blocks(0)
        _ = drain(&picker, alice)
        for block in all { _ = picker.received(block) }
        picker.failed(
            PieceIndex(0),
            avoiding: [[], [alice], [], [alice]],
            sources: [alice, bob],
            keeping: [0, 2]
        )
        #expect(drain(&picker, alice) == [])
        #expect(drain(&picker, bob) == [all[1], all[3]])
    }

    @Test func whoMayNotBeAskedForAFailedPieceIsSaidWithIt() {
        var picker = picker([0], urgent: 1)
        _ = picker.nextBlock(for: alice, peerHas: everything, have: nothing)
        picker.failed(PieceIndex(0), onlyFrom: alice)
        var isOpenToBob: Bool?
        let block = picker.nextBlock(
            for: alice,
            peerHas: everything,
            have: nothing,
            admits: { offer in
                isOpenToBob = offer.isOpen?(bob)
                return .take
            }
        )
        #expect(isOpenToBob == false)
        #expect(block == blocks(0)[0])
    }

    @Test func aPeerGetsNothingOfAPieceThatAnotherIsToDeliver() {
        var picker = picker([0, 1], urgent: 1)
        let block = picker.nextBlock(
            for: alice,
            peerHas: everything,
            have: nothing,
            admits: { $0.piece == PieceIndex(0) ? .pass : .take }
        )
        #expect(block == blocks(1)[0])
    }

    @Test func aPeerGetsNothingAtAllWhenTheLookAheadEnds() {
        var picker = picker([0, 1])
        var offers: [Int] = []
        let block = picker.nextBlock(for: alice, peerHas: everything, have: nothing) { offer in
            offers.append(offer.openCount)
            return .stop
        }
        #expect(block == nil)
        #expect(offers == [4])
    }

    @Test func whatNobodyWantsAnyMoreMakesRoom() {
        var picker = picker([0, 1], bound: 2 * 65536)
        _ = drain(&picker, alice)
        picker.replan([1, 2].map { PieceIndex($0) }, urgentCount: 0)
        #expect(drain(&picker, bob) == blocks(2))
        #expect(picker.takeDisplaced() == [PieceIndex(0)])
    }

    @Test func aSuspendedPieceWaits() {
        var picker = picker([0, 1])
        picker.suspend(PieceIndex(0))
        #expect(drain(&picker, alice) == blocks(1))
        picker.resumeAll()
        #expect(drain(&picker, alice) == blocks(0))
    }
}
