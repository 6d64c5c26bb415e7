import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct DemandPlanTests {
    @Test func waitsComeFirstAndStreamsTakeTurns() {
        let geometry = PieceGeometry(pieceLength: 1 << 20, totalLength: 100 << 20)
        var demand = ReadDemand(pieceLength: geometry.pieceLength)
        var plan = DemandPlan(geometry: geometry)
        var have = Bitfield(count: 100)
        have[PieceIndex(51)] = true
        let now = ContinuousClock.now
        for (client, offset) in [(1, UInt64(10 << 20)), (2, 50 << 20)] {
            demand.read(
                offset..<offset + 1 << 20,
                in: 0..<100 << 20,
                by: ReaderID(client: UInt64(client), file: 0),
                now: now
            )
        }
        demand.waitBegan(WaitID(rawValue: 1), for: 90 << 20..<92 << 20)
        #expect(plan.update(demand, have: have) == true)
        #expect(plan.order.map(\.rawValue) == [90, 91, 50, 10, 11])
        #expect(plan.urgentCount == 4)
        #expect(plan.update(demand, have: have) == false)
    }

    @Test func readAheadThatIsUnderWayBecomesUrgentInItsPlace() {
        let geometry = PieceGeometry(pieceLength: 1 << 20, totalLength: 100 << 20)
        var demand = ReadDemand(pieceLength: geometry.pieceLength)
        var plan = DemandPlan(geometry: geometry)
        let have = Bitfield(count: 100)
        demand.read(
            0..<100,
            in: 0..<100 << 20,
            by: ReaderID(client: 1, file: 0),
            now: ContinuousClock.now
        )
        #expect(plan.update(demand, have: have) == true)
        #expect(plan.order.map(\.rawValue) == [0, 1])
        #expect(!plan.isUrgent(PieceIndex(1)))
        demand.waitBegan(WaitID(rawValue: 1), for: 1 << 20..<1 << 20 + 1)
        #expect(plan.update(demand, have: have, isUnderWay: { _ in true }) == false)
        #expect(plan.isUrgent(PieceIndex(1)))
        #expect(plan.update(demand, have: have, always: true) == true)
        #expect(plan.order.map(\.rawValue) == [1, 0])
    }
}
