import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct DemandPlanTests {
    @Test func piecesComeInTheOrderOfTheirDeadlines() {
        let geometry = PieceGeometry(pieceLength: 1 << 20, totalLength: 100 << 20)
        var demand = ReadDemand(pieceLength: geometry.pieceLength)
        var plan = DemandPlan(geometry: geometry)
        var have = Bitfield(count: 100)
        have[PieceIndex(51)] = true
        let now = ContinuousClock.now
        for (client, offset) in [(1, UInt64(10 << 20)), (2, 50 << 20)] {
            let range = offset..<offset + 1 << 20
            demand.read(
                range,
                in: 0..<100 << 20,
                by: ReaderID(client: UInt64(client), file: 0),
                now: now
            )
            demand.waitBegan(WaitID(rawValue: UInt64(client)), for: range, now: now)
        }
        demand.waitBegan(WaitID(rawValue: 3), for: 90 << 20..<92 << 20, now: now)
        #expect(plan.update(demand, have: have, now: now) == true)
        #expect(plan.order.map(\.rawValue) == [90, 10, 50, 91, 11, 52, 12])
        #expect(plan.urgentCount == 4)
        #expect(plan.leads.prefix(3) == [0, 0, 0])
        #expect(plan.leads == plan.leads.sorted())
        #expect(plan.update(demand, have: have, now: now) == false)
        #expect(plan.isOld(now: now + .seconds(1)))
    }

    @Test func readAheadThatIsUnderWayBecomesUrgentInItsPlace() {
        let geometry = PieceGeometry(pieceLength: 1 << 20, totalLength: 100 << 20)
        var demand = ReadDemand(pieceLength: geometry.pieceLength)
        var plan = DemandPlan(geometry: geometry)
        let have = Bitfield(count: 100)
        let now = ContinuousClock.now
        demand.read(
            0..<600_000,
            in: 0..<2 << 20,
            by: ReaderID(client: 1, file: 0),
            now: now
        )
        #expect(plan.update(demand, have: have, now: now) == true)
        #expect(plan.order.map(\.rawValue) == [0, 1])
        #expect(!plan.isUrgent(PieceIndex(1)))
        demand.waitBegan(WaitID(rawValue: 1), for: 1 << 20..<1 << 20 + 1, now: now)
        let isHeld = plan.update(
            demand,
            have: have,
            progress: .init(isUnderWay: { _ in true }),
            now: now
        )
        #expect(isHeld == false)
        #expect(plan.isUrgent(PieceIndex(1)))
        #expect(plan.update(demand, have: have, always: true, now: now) == true)
        #expect(plan.urgentCount == 2)
    }

    @Test func ofPiecesThatComeInBlocksNoMoreIsWantedThanWasRead() {
        let geometry = PieceGeometry(pieceLength: 1 << 20, totalLength: 100 << 20)
        var demand = ReadDemand(pieceLength: geometry.pieceLength, comesInBlocks: true)
        var plan = DemandPlan(geometry: geometry)
        let have = Bitfield(count: 100)
        let now = ContinuousClock.now
        let file: Range<UInt64> = 0..<100 << 20
        let piece = PieceIndex(7)
        var provedCount = 0
        func update(always: Bool = false) -> Bool {
            plan.update(
                demand,
                have: have,
                always: always,
                progress: .init(
                    comesInBlocks: { _ in true },
                    isProved: { blocks, _ in blocks.upperBound <= provedCount }
                ),
                now: now
            )
        }
        let reader = ReaderID(client: 1, file: 0)
        demand.read(7 << 20..<7 << 20 + 40000, in: file, by: reader, now: now)
        #expect(update())
        #expect(plan.order == [piece])
        #expect(plan.parts == [piece: [0..<3]])
        #expect(!update())

        // Another reader wants other blocks of it.
        let other = ReaderID(client: 2, file: 0)
        demand.read(7 << 20 + 65536..<7 << 20 + 65537, in: file, by: other, now: now)
        #expect(update())
        #expect(plan.order == [piece])
        #expect(plan.parts == [piece: [4..<5, 0..<3]])

        provedCount = 3
        demand.left(2)
        #expect(update(always: true))
        #expect(plan.order == [])
        #expect(plan.parts == [:])

        // Who reads on wants all of it.
        demand.read(7 << 20 + 40000..<7 << 20 + 200_000, in: file, by: reader, now: now)
        #expect(update())
        #expect(plan.order.first == piece)
        #expect(plan.parts == [:])
    }
}
