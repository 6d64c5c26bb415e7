import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct PeerPoolTests {
    let start = ContinuousClock.now
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }
    func pool() -> PeerPool { PeerPool(limits: SwarmLimits(), seed: 1) }
    func peer(_ number: Int) -> PeerAddress {
        address([93, 184, UInt8(number / 256), UInt8(number % 256)], 6881)
    }

    @Test func dialsEachAddressOnceWithinTheBudget() {
        var pool = pool()
        pool.found((0..<100).map(peer), now: start)
        pool.found((0..<100).map(peer), now: start)
        #expect(pool.knownCount == 100)
        let dialled = pool.dials(peerCount: 0, now: start)
        #expect(Set(dialled).count == 30)
        #expect(pool.dials(peerCount: 0, now: start) == [])
        for address in dialled { pool.connected(address, now: start) }
        #expect(pool.dials(peerCount: 30, now: start).count == 20)
        #expect(pool.dials(peerCount: 50, now: start) == [])
    }

    @Test func oneThatIsClaimedIsDialledOutOfTurnAndOnce() {
        var pool = pool()
        pool.found([peer(1)], now: start)
        _ = pool.dials(peerCount: 0, now: start)
        let isClaimedWhileDialled = pool.claim(peer(1), now: start)
        pool.dialFailed(peer(1), now: start)
        let isClaimed = pool.claim(peer(1), now: start)
        let isClaimedTwice = pool.claim(peer(1), now: start)
        #expect(isClaimed && !isClaimedWhileDialled && !isClaimedTwice)
        pool.connected(peer(1), now: start)
        let isClaimedWhileConnected = pool.claim(peer(1), now: start)
        let isStrangerClaimed = pool.claim(peer(2), now: start)
        #expect(!isClaimedWhileConnected && isStrangerClaimed)
        #expect(pool.diallingCount == 1)
    }

    @Test func backsOffFromFifteenSecondsToAnHour() {
        var pool = pool()
        pool.found([peer(1)], now: start)
        var now = start
        var waits: [Duration] = []
        for _ in 0..<10 {
            #expect(pool.dials(peerCount: 0, now: now) == [peer(1)])
            pool.dialFailed(peer(1), now: now)
            let next = pool.nextDial ?? now
            waits.append(next - now)
            #expect(pool.dials(peerCount: 0, now: next - .seconds(1)) == [])
            now = next
        }
        #expect(Array(waits.prefix(4)) == [3, 15, 30, 60].map { Duration.seconds($0) })
        #expect(waits.last == .seconds(3600))
    }

    @Test func promisingIsWhoHasNotFailedOrWasOfUse() {
        var pool = pool()
        pool.found((1...4).map(peer), now: start)
        _ = pool.dials(peerCount: 0, now: start)
        for number in 1...3 { pool.connected(peer(number), now: start) }
        pool.dialFailed(peer(4), now: start)
        pool.disconnected(peer(1), wasUseful: true, now: start)
        pool.disconnected(peer(2), wasUseful: false, now: start)
        #expect(pool.promising == [peer(1), peer(3)])
        _ = pool.dials(peerCount: 0, now: after(100))
        pool.dialFailed(peer(1), now: after(100))
        #expect(pool.promising == [peer(3)])
    }

    @Test func aUsefulPeerIsDialledAgainSoon() {
        var pool = pool()
        pool.found([peer(1)], now: start)
        for _ in 0..<5 {
            _ = pool.dials(peerCount: 0, now: after(100_000))
            pool.dialFailed(peer(1), now: start)
        }
        _ = pool.dials(peerCount: 0, now: after(100_000))
        pool.connected(peer(1), now: after(100_000))
        pool.disconnected(peer(1), wasUseful: true, now: after(100_000))
        #expect(pool.nextDial == after(100_003))
    }

    @Test func newAddressesComeBeforeThoseThatFailed() {
        var pool = pool()
        pool.found([peer(1)], now: start)
        _ = pool.dials(peerCount: 0, now: start)
        pool.dialFailed(peer(1), now: start)
        pool.found([peer(2)], now: start)
        #expect(pool.dials(peerCount: 49, now: after(60)) == [peer(2)])
    }

    @Test func neverDialsWhatNobodyListensAt() {
        var pool = pool()
        pool.found(
            [
                address([0, 1, 2, 3], 1), address([224, 0, 0, 1], 1),
                address([255, 255, 255, 255], 1), address([UInt8](repeating: 0, count: 16), 1),
                address([0xff] + [UInt8](repeating: 1, count: 15), 1),
            ],
            now: start
        )
        #expect(pool.knownCount == 0)
    }

    @Test func aMappedAddressIsTheSamePeer() {
        var pool = pool()
        let mapped = address([UInt8](repeating: 0, count: 10) + [255, 255, 93, 184, 0, 1], 6881)
        pool.found([mapped, peer(1)], now: start)
        #expect(pool.dials(peerCount: 0, now: start) == [peer(1)])
    }

    @Test func ourOwnAddressIsForgotten() {
        var pool = pool()
        pool.found([peer(1)], now: start)
        _ = pool.dials(peerCount: 0, now: start)
        pool.forgetOwn(peer(1))
        pool.found([peer(1)], now: start)
        #expect(pool.knownCount == 0)
        #expect(pool.diallingCount == 0)
    }

    @Test func knownAddressesAreBounded() {
        var pool = pool()
        pool.found((0..<5000).map(peer), now: start)
        #expect(pool.knownCount == 1000)
    }

    @Test func aBannedPeerIsNotDialledAgain() {
        var pool = pool()
        pool.found([peer(1), peer(2)], now: start)
        pool.ban(PeerIdentity(address: peer(1), isIncoming: false, id: peerID(1)))
        pool.found([peer(1), address(peer(1).host, 7000)], now: start)
        #expect(pool.dials(peerCount: 0, now: start) == [peer(2)])
    }
}
