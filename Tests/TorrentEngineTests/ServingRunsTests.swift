import BitTorrentProtocol
import Testing
import TorrentLogic

@testable import TorrentEngine

@Suite struct ServingRunsTests {
    private let geometry = PieceGeometry(pieceLength: 1 << 20, totalLength: 3 << 20)
    private let peers = [PeerKey(rawValue: 1), PeerKey(rawValue: 2)]

    private func block(_ number: Int, of piece: Int = 0) -> Block {
        geometry.block(number, of: PieceIndex(piece))
    }

    @Test func blocksThatFollowEachOtherAreReadAtOnce() {
        var runs = ServingRuns()
        for number in 3..<6 { runs.append(block(number), for: peers[0]) }
        let taken = runs.take()
        #expect(taken.map(\.blocks) == [[block(3), block(4), block(5)]])
        #expect(taken[0].range(in: geometry) == 3 << 14..<6 << 14)
        #expect(runs.take().isEmpty)
    }

    @Test func aRunEndsWhereAnotherPeerAnotherPieceOrAGapBegins() {
        var runs = ServingRuns()
        runs.append(block(0), for: peers[0])
        runs.append(block(1), for: peers[1])
        runs.append(block(3), for: peers[1])
        runs.append(block(63), for: peers[1])
        runs.append(block(0, of: 1), for: peers[1])
        #expect(runs.take().map(\.blocks.count) == [1, 1, 1, 1, 1])
    }

    @Test func theSameBlockTwiceIsSentTwice() {
        var runs = ServingRuns()
        runs.append(block(2), for: peers[0])
        runs.append(block(2), for: peers[0])
        #expect(runs.take().map(\.blocks) == [[block(2)], [block(2)]])
    }

    @Test func noRunIsLongerThanItsLimit() {
        var runs = ServingRuns()
        for number in 0..<64 { runs.append(block(number), for: peers[0]) }
        let counts = runs.take().map(\.blocks.count)
        #expect(counts == [16, 16, 16, 16])
    }
}
