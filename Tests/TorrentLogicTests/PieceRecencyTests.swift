import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct PieceRecencyTests {
    /// The pieces in the order in which they would be evicted.
    func order(_ recency: PieceRecency) -> [Int] {
        var recency = recency
        var order: [Int] = []
        while let oldest = recency.oldest {
            order.append(Int(oldest.piece.rawValue))
            recency.remove(oldest.piece)
        }
        return order
    }

    func recency(_ pieces: [Int], count: Int = 10) -> PieceRecency {
        var recency = PieceRecency(pieceCount: count)
        for (place, piece) in pieces.enumerated() {
            recency.insert(PieceIndex(piece), at: 1000 + UInt32(place))
        }
        return recency
    }

    @Test func whatWasReadLongestAgoIsFirst() {
        var recency = recency([3, 1, 2])
        #expect(order(recency) == [3, 1, 2])
        recency.touch(PieceIndex(3), at: 1010)
        #expect(order(recency) == [1, 2, 3])
        #expect(recency.oldest?.moment == 1001)
        recency.remove(PieceIndex(1))
        recency.remove(PieceIndex(1))
        #expect(recency.count == 2)
        #expect(order(recency) == [2, 3])
    }

    @Test func manyReadsOfAPieceAreOneVisit() {
        var recency = recency([0, 1])
        for second in 0..<100 { recency.touch(PieceIndex(0), at: 1100 + UInt32(second)) }
        recency.touch(PieceIndex(1), at: 1300)
        #expect(order(recency) == [0, 1])
        #expect(recency.oldest?.moment == 1199)
    }

    @Test func aPieceThatIsVisitedAgainOutlivesAScan() {
        var recency = recency([0])
        recency.touch(PieceIndex(0), at: 1000)
        recency.touch(PieceIndex(0), at: 1100)
        for piece in 1..<10 { recency.insert(PieceIndex(piece), at: 1200 + UInt32(piece)) }
        #expect(order(recency).last == 0)
        // But not for ever.
        for piece in 1..<10 { recency.touch(PieceIndex(piece), at: 1101 + PieceRecency.bonus) }
        #expect(order(recency).first == 0)
    }

    @Test func whatComesLongBeforeItIsReadIsNotVisitedTwice() {
        var recency = recency([0, 1])
        recency.touch(PieceIndex(0), at: 2000)
        recency.touch(PieceIndex(1), at: 2001)
        #expect(order(recency) == [0, 1])
    }

    @Test func postponedPiecesComeLast() {
        var recency = recency([0, 1, 2])
        recency.postpone(PieceIndex(0), at: 1050)
        #expect(order(recency) == [1, 2, 0])
    }

    @Test func whatIsNotThereIsPassedOver() {
        var recency = PieceRecency(pieceCount: 3)
        recency.touch(PieceIndex(1), at: 5)
        recency.postpone(PieceIndex(1), at: 5)
        #expect(recency.oldest == nil && recency.count == 0)
        recency.insert(PieceIndex(1), at: 7)
        recency.insert(PieceIndex(1), at: 9)
        #expect(recency.oldest?.moment == 7 && recency.count == 1)
    }

    @Test func agreesWithASortedList() {
        var random = SeededGenerator(seed: 7)
        var recency = PieceRecency(pieceCount: 64)
        var model: [(piece: Int, moment: UInt32)] = []
        for now in UInt32(1000)..<1029 {
            for _ in 0..<20 {
                let piece = Int.random(in: 0..<64, using: &random)
                let place = model.firstIndex { $0.piece == piece }
                switch (Int.random(in: 0..<4, using: &random), place) {
                case (0, let place?):
                    model.remove(at: place)
                    recency.remove(PieceIndex(piece))
                case (1..., let place?):
                    model.remove(at: place)
                    model.append((piece, now))
                    recency.postpone(PieceIndex(piece), at: now)
                default:
                    model.append((piece, now))
                    recency.insert(PieceIndex(piece), at: now)
                }
                if place == nil, model.last?.piece != piece { model.append((piece, now)) }
            }
            #expect(order(recency) == model.map(\.piece))
        }
    }
}
