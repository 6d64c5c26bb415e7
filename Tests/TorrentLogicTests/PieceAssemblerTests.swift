import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct PieceAssemblerTests {
    let geometry = PieceGeometry(pieceLength: 65536, totalLength: 655_360)
    let piece = PieceIndex(2)
    let alice = PeerKey(rawValue: 1)
    let bob = PeerKey(rawValue: 2)
    let carol = PeerKey(rawValue: 3)

    func fill(_ assembler: inout PieceAssembler, _ senders: [PeerKey]) {
        for (number, sender) in senders.enumerated() {
            let progress = assembler.received(geometry.block(number, of: piece), from: sender)
            #expect(progress == (number == 3 ? .complete : .kept))
        }
    }

    @Test func noticesTheLastBlockAndDuplicates() {
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, bob, alice, bob])
        #expect(assembler.received(geometry.block(0, of: piece), from: bob) == .duplicate)
        #expect(assembler.passed(piece, blockDigests: []) == [])
    }

    @Test func theOnlySourceOfAWrongPieceIsConvicted() {
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, alice, alice, alice])
        #expect(assembler.failed(piece, blockDigests: [1, 2, 3, 4]) == [alice])
        #expect(!assembler.hasFailed(piece))
    }

    @Test func whoeverSentADifferentBlockIsConvictedWhenThePieceIsRight() {
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, bob, carol, bob])
        #expect(assembler.failed(piece, blockDigests: [1, 2, 99, 4]) == [])
        #expect(assembler.hasFailed(piece))
        #expect(assembler.suspects(of: piece) == [alice, bob, carol])
        fill(&assembler, [alice, alice, alice, alice])
        #expect(assembler.passed(piece, blockDigests: [1, 2, 3, 4]) == [carol])
        #expect(!assembler.hasFailed(piece))
    }

    @Test func whoeverSendsTwoDifferentBlocksForOnePlaceIsConvicted() {
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, bob, alice, bob])
        #expect(assembler.failed(piece, blockDigests: [1, 98, 3, 4]) == [])
        fill(&assembler, [alice, bob, alice, carol])
        #expect(assembler.failed(piece, blockDigests: [1, 99, 3, 4]) == [bob])
    }

    @Test func allLiarsOfSeveralAttemptsAreConvicted() {
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, bob, alice, alice])
        #expect(assembler.failed(piece, blockDigests: [1, 99, 3, 4]) == [])
        fill(&assembler, [alice, alice, alice, carol])
        #expect(assembler.failed(piece, blockDigests: [1, 2, 3, 98]) == [])
        fill(&assembler, [alice, alice, alice, alice])
        #expect(assembler.passed(piece, blockDigests: [1, 2, 3, 4]) == [bob, carol])
    }

    @Test func noBlockIsToComeAgainFromWhoeverSentIt() {
        var assembler = PieceAssembler(geometry: geometry)
        #expect(assembler.avoided(of: piece) == nil)
        fill(&assembler, [alice, bob, carol, bob])
        _ = assembler.failed(piece, blockDigests: [1, 2, 99, 4])
        #expect(assembler.avoided(of: piece) == [[alice], [bob], [carol], [bob]])
    }

    @Test func whoeverDiffersFromTwoThatAgreeIsASuspect() {
        let dave = PeerKey(rawValue: 4)
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, bob, carol, dave])
        _ = assembler.failed(piece, blockDigests: [1, 2, 98, 4])
        // Carol lies again.
        fill(&assembler, [bob, carol, dave, alice])
        #expect(assembler.failed(piece, blockDigests: [1, 97, 3, 4]) == [])
        #expect(assembler.suspects(of: piece) == [carol])
        #expect(
            assembler.avoided(of: piece) == [[carol], [bob, carol], [carol, dave], [carol]]
        )
        fill(&assembler, [alice, alice, alice, bob])
        #expect(assembler.passed(piece, blockDigests: [1, 2, 3, 4]) == [carol])
    }

    @Test func afterFiveAttemptsOnePeerIsAskedAlone() {
        var assembler = PieceAssembler(geometry: geometry)
        for attempt in 0..<5 as Range<UInt64> {
            let peers = (0..<4).map { PeerKey(rawValue: 10 * attempt + $0) }
            fill(&assembler, peers)
            _ = assembler.failed(piece, blockDigests: [1, 2, 3, attempt])
            #expect((assembler.avoided(of: piece) == nil) == (attempt == 4))
        }
    }

    @Test func whereAllAgreeAndItIsWrongOnePeerIsAskedAlone() {
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, alice, bob, bob])
        _ = assembler.failed(piece, blockDigests: [1, 2, 3, 4])
        fill(&assembler, [bob, bob, alice, alice])
        _ = assembler.failed(piece, blockDigests: [1, 2, 3, 4])
        #expect(assembler.avoided(of: piece) == nil)
        #expect(assembler.keepAgreed(of: piece) == [])
    }

    @Test func whatTwoHaveSentAlikeNeedNotComeAgain() {
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, bob, carol, bob])
        _ = assembler.failed(piece, blockDigests: [1, 2, 99, 4])
        #expect(assembler.keepAgreed(of: piece) == [])
        fill(&assembler, [bob, carol, alice, alice])
        _ = assembler.failed(piece, blockDigests: [1, 98, 3, 4])
        #expect(assembler.keepAgreed(of: piece) == [0, 3])
        let dave = PeerKey(rawValue: 4)
        #expect(assembler.received(geometry.block(1, of: piece), from: dave) == .kept)
        #expect(assembler.received(geometry.block(2, of: piece), from: dave) == .complete)
        #expect(assembler.passed(piece, blockDigests: [1, 2, 3, 4]) == [carol])
    }

    @Test func whoContradictsMostProbablyLies() {
        let dave = PeerKey(rawValue: 4)
        var assembler = PieceAssembler(geometry: geometry)
        fill(&assembler, [alice, bob, carol, carol])
        _ = assembler.failed(piece, blockDigests: [1, 2, 98, 99])
        #expect(assembler.probableLiars == [])
        fill(&assembler, [dave, alice, alice, bob])
        _ = assembler.failed(piece, blockDigests: [1, 2, 3, 4])
        #expect(assembler.probableLiars == [carol])
        #expect(assembler.avoided(of: piece) == [[carol], [carol], [alice, carol], [bob, carol]])
    }

    @Test func whoHasSentRightPiecesIsAskedForThoseThatWereWrong() {
        let (dave, erin) = (PeerKey(rawValue: 4), PeerKey(rawValue: 5))
        var assembler = PieceAssembler(geometry: geometry)
        for peer in [alice, bob, dave] {
            fill(&assembler, [peer, peer, peer, peer])
            _ = assembler.passed(piece, blockDigests: [])
        }
        fill(&assembler, [alice, bob, carol, dave])
        _ = assembler.failed(piece, blockDigests: [1, 2, 98, 4])
        let avoided = assembler.avoided(of: piece, sources: [alice, bob, carol, dave, erin])
        #expect(avoided?[0] == [alice, carol, erin])
        #expect(avoided?[2] == [carol, erin])
        // Where too few are known everybody else is.
        #expect(assembler.avoided(of: piece, sources: [alice, bob, carol])?[0] == [alice])
    }

    @Test func aDiscardedPieceStartsAnew() {
        var assembler = PieceAssembler(geometry: geometry)
        _ = assembler.received(geometry.block(0, of: piece), from: bob)
        assembler.discard(piece)
        fill(&assembler, [alice, alice, alice, alice])
        #expect(assembler.failed(piece, blockDigests: [0, 0, 0, 0]) == [alice])
    }
}
