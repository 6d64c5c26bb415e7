import BitTorrentProtocol
import Testing
import TorrentLogic

/// Pieces of which several copies are kept; the digest of a right block is 0.
@Suite struct PieceCopiesTests {
    let geometry = PieceGeometry(pieceLength: 65536, totalLength: 655_360)
    let piece = PieceIndex(2)
    let alice = PeerKey(rawValue: 1)
    let bob = PeerKey(rawValue: 2)
    let carol = PeerKey(rawValue: 3)
    let dave = PeerKey(rawValue: 4)

    /// An assembler in doubt of its piece, to which each of the four blocks came from these peers.
    func assembler(_ senders: [[PeerKey]]) -> PieceAssembler {
        var assembler = PieceAssembler(geometry: geometry)
        let isDoubted = assembler.doubt(piece)
        #expect(isDoubted)
        for (number, keys) in senders.enumerated() {
            for (copy, key) in keys.enumerated() {
                let progress = assembler.received(geometry.block(number, of: piece), from: key)
                if copy > 0 { #expect(progress == .copy) }
            }
        }
        return assembler
    }

    func copies(_ senders: [[PeerKey]], digests: [[UInt64]]) throws -> PieceCopies {
        var copies = try #require(assembler(senders).copies(of: piece))
        for (number, known) in digests.enumerated() {
            for digest in known { copies.know(digest, of: number) }
        }
        return copies
    }

    /// Looks for the right selection, and counts how many it takes.
    func search(_ copies: inout PieceCopies) -> (right: [Int]?, tries: Int) {
        let digests = copies.digests
        var tries = 0
        let right = copies.search { selection in
            tries += 1
            return zip(digests, selection).allSatisfy { $0[$1] == 0 }
        }
        return (right, tries)
    }

    @Test func secondCopiesComeForOnePeersBlocksAfterAnothers() throws {
        let copies = try copies([[alice], [], [alice], []], digests: [])
        var requested = [(number: 1, from: bob), (number: 3, from: alice)]
        var order: [Int] = []
        while let next = copies.nextSecond(from: carol, requested: requested) {
            order.append(next)
            requested.append((next, dave))
        }
        #expect(order == [1, 0, 2, 3])
        // Its own are of no use, nor are those of which two are on their way.
        #expect(copies.nextSecond(from: alice, requested: [(1, bob), (3, alice)]) == 1)
        #expect(copies.nextSecond(from: bob, requested: [(1, bob), (3, alice)]) == 0)
        #expect(copies.nextSecond(from: alice, requested: requested) == nil)
    }

    @Test func theFirstCopiesAreTriedFirst() throws {
        var copies = try copies(
            [[alice, bob], [bob, alice], [carol], [dave]],
            digests: [[0, 9], [0, 8], [0], [0]]
        )
        let found = search(&copies)
        #expect(found.right == [0, 0, 0, 0])
        #expect(found.tries == 1)
    }

    @Test func whatTwoHaveSentAlikeIsTaken() throws {
        var copies = try copies(
            [[alice, bob, carol], [bob, alice], [carol, dave], [dave, alice]],
            digests: [[9, 0, 0], [0, 0], [0, 0], [0, 0]]
        )
        let found = search(&copies)
        #expect(found.right == [1, 0, 0, 0])
        #expect(found.tries == 2)
    }

    @Test func whomMostContradictIsNotBelieved() throws {
        var copies = try copies(
            [[alice, bob], [alice, carol], [dave, alice], [carol, dave]],
            digests: [[7, 0], [8, 0], [0, 9], [0, 0]]
        )
        let found = search(&copies)
        #expect(found.right == [1, 1, 0, 0])
        #expect(found.tries == 2)
    }

    @Test func whereNothingSaysWhoLiesEachIsTakenToHaveDoneSo() throws {
        let senders = [[alice, bob], [carol, dave], [alice, bob], [carol, dave]]
        // Carol lies, and once.
        var copies = try copies(senders, digests: [[0, 0], [9, 0], [0, 0], [0, 0]])
        #expect(search(&copies).right == [0, 1, 0, 0])
        // Alice and carol do, once each.
        copies = try self.copies(senders, digests: [[8, 0], [9, 0], [0, 0], [0, 0]])
        #expect(search(&copies).right == [1, 1, 0, 0])
    }

    @Test func nothingIsTriedTwiceOrBeforeAllIsHere() throws {
        var copies = try copies(
            [[alice, bob], [bob], [carol], [dave]],
            digests: [[9, 0], [8], [0], [0]]
        )
        #expect(search(&copies).right == nil)
        #expect(search(&copies).tries == 0)
        copies = try self.copies(
            [[alice, bob], [bob], [carol], []],
            digests: [[9, 0], [8], [0], []]
        )
        #expect(search(&copies).tries == 0)
    }

    @Test func whatIsRightTellsWhoLied() throws {
        let senders = [[alice, bob], [bob, carol], [carol, alice], [dave, alice]]
        var assembler = assembler(senders)
        var copies = try copies(senders, digests: [[0, 0], [0, 9], [0, 0], [7, 0]])
        let right = search(&copies).right
        #expect(right == [0, 0, 0, 1])
        #expect(
            assembler.passed(piece, blockDigests: [0, 0, 0, 0], copies: copies) == [carol, dave]
        )
        #expect(!assembler.isDoubted(piece))
        #expect(!assembler.trustsNobody)
    }

    @Test func theOnlySourceOfAllCopiesIsConvicted() throws {
        let senders = [[alice], [alice], [alice], [alice]]
        var assembler = assembler(senders)
        let copies = try copies(senders, digests: [[0], [0], [0], [9]])
        #expect(assembler.failed(piece, copies: copies) == alice)
    }

    @Test func aPieceThatFailedIsSettledByTheCopiesThatComeThen() throws {
        var assembler = PieceAssembler(geometry: geometry)
        for (number, key) in [alice, bob, carol, dave].enumerated() {
            _ = assembler.received(geometry.block(number, of: piece), from: key)
        }
        _ = assembler.failed(piece, blockDigests: [0, 9, 0, 0])
        let isDoubted = assembler.doubtWhatFailed(piece)
        #expect(isDoubted)
        #expect(assembler.received(geometry.block(1, of: piece), from: bob) == .duplicate)
        #expect(assembler.received(geometry.block(1, of: piece), from: alice) == .copy)
        let isWorthTrying = assembler.isWorthTrying(piece)
        #expect(isWorthTrying)
        var copies = try #require(assembler.copies(of: piece))
        copies.know(0, of: 1)
        #expect(search(&copies).right == [0, 1, 0, 0])
    }

    @Test func ofManyPiecesNoCopiesAreKept() {
        let geometry = PieceGeometry(pieceLength: 2 << 20, totalLength: 20 << 20)
        var assembler = PieceAssembler(geometry: geometry)
        let isDoubted = (0..<3).map { assembler.doubt(PieceIndex($0)) }
        #expect(isDoubted == [true, true, false])
        assembler.discard(PieceIndex(0))
        let hasRoom = assembler.doubt(PieceIndex(2))
        #expect(hasRoom)
    }
}
