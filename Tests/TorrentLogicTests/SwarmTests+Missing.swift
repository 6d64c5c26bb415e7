import BitTorrentProtocol
import Testing
import TorrentLogic

/// What is told of a piece that a reader waits for.
extension SwarmTests {
    @Test func saysWhereAMissingPieceStands() {
        var swarm = swarm(have: 0..<1)
        let missing: Range<UInt64> = 32768..<3 * 32768
        func counts() -> [Int?] {
            let found = swarm.missing(of: missing)
            return [found?.peerCount, found?.holderCount, found?.readyCount, found?.requestCount]
        }
        #expect(swarm.missing(of: 0..<32768) == nil)
        #expect(counts() == [0, 0, 0, 0])
        read(&swarm, piece: 1)
        connect(&swarm, alice, has: 5..<6)
        #expect(counts() == [1, 0, 0, 0])
        connect(&swarm, bob, unchoke: false)
        #expect(counts() == [2, 1, 0, 0])
        swarm.received(.unchoke, from: bob, now: start)
        #expect(counts() == [2, 1, 1, 2])
        for offset in [UInt32(0), 16384] {
            #expect(swarm.missing(of: missing)?.isWhole == false)
            _ = swarm.receivedBlock(piece: 1, offset: offset, length: 16384, from: bob, now: start)
        }
        #expect(swarm.missing(of: missing)?.isWhole == true)
        swarm.verified(PieceIndex(1), now: start)
        #expect(counts() == [2, 1, 1, 0])
    }
}
