import Testing
import TorrentLogic

@Suite struct ReadDemandTests {
    static let mebibyte: UInt64 = 1 << 20
    let start = ContinuousClock.now
    let file: Range<UInt64> = 0..<(1 << 30)
    let reader = ReaderID(client: 1, file: 0)
    func after(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    /// Reads `count` times 128 KiB from `offset`.
    func read(
        _ demand: inout ReadDemand,
        from offset: UInt64,
        count: Int,
        order: [Int]? = nil
    ) {
        for number in order ?? Array(0..<count) {
            let lower = offset + UInt64(number) * 131_072
            demand.read(lower..<lower + 131_072, in: file, by: reader, now: start)
        }
    }

    @Test func wantsNothingWithoutARead() {
        let demand = ReadDemand(pieceLength: 1 << 18)
        #expect(demand.isEmpty)
        #expect(demand.urgentRanges == [])
        #expect(demand.readAheadRanges == [])
        #expect(demand.nextExpiry == nil)
    }

    @Test func aReadIsWantedWithALittleBehindIt() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.read(4096..<8192, in: file, by: reader, now: start)
        #expect(demand.urgentRanges == [4096..<8192])
        #expect(demand.readAheadRanges == [8192..<8192 + Self.mebibyte])
    }

    @Test func readAheadIsAPieceWhenPiecesAreLarge() {
        var demand = ReadDemand(pieceLength: 4 << 20)
        demand.read(0..<4096, in: file, by: reader, now: start)
        #expect(demand.readAheadRanges == [4096..<4096 + 4 * Self.mebibyte])
    }

    @Test func readAheadDoublesWithSequentialReadingUpToItsBound() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 5)
        #expect(demand.readAheadRanges.first?.upperBound == 2_883_584)
        read(&demand, from: 5 * 131_072, count: 2000)
        #expect((32...36).contains((demand.readAheadRanges.first?.count ?? 0) >> 20))
        #expect(demand.readAheadRanges.count == 1)
    }

    @Test func theBudgetOfAllWindowsGoesToTheYoungestStreamsFirst() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 1)
        read(&demand, from: 500 * Self.mebibyte, count: 1)
        demand.windowBudget = Self.mebibyte + 4096
        #expect(demand.readAheadRanges.map(\.count) == [1 << 20, 4096])
        demand.windowBudget = 0
        #expect(demand.readAheadRanges == [])
    }

    @Test func parallelReadsOutOfOrderAreOneStream() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 8, order: [3, 1, 0, 2, 7, 5, 6, 4])
        #expect(demand.readAheadRanges.count == 1)
        #expect(demand.urgentRanges == [0..<Self.mebibyte])
    }

    @Test func aJumpStartsAnotherStreamAndTheYoungestComesFirst() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 1)
        read(&demand, from: 500 * Self.mebibyte, count: 1)
        #expect(
            demand.urgentRanges == [
                500 * Self.mebibyte..<500 * Self.mebibyte + 131_072, 0..<131_072,
            ]
        )
        read(&demand, from: 131_072, count: 1)
        #expect(demand.urgentRanges.first == 0..<262_144)
        #expect(demand.urgentRanges.count == 2)
    }

    @Test func readAheadStopsAtTheEndOfTheFile() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.read(100..<200, in: 0..<300, by: reader, now: start)
        #expect(demand.readAheadRanges == [200..<300])
        demand.read(200..<400, in: 0..<300, by: reader, now: start)
        #expect(demand.readAheadRanges == [])
        #expect(demand.urgentRanges == [100..<300])
    }

    @Test func aReadOutsideItsFileWantsNothing() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.read(400..<500, in: 0..<300, by: reader, now: start)
        demand.read(10..<10, in: 0..<300, by: reader, now: start)
        #expect(demand.isEmpty)
    }

    @Test func theKeepAliveOfAPausedPlayerIsNeitherSeekNorProof() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 1)
        let before = demand.readAheadRanges
        for minute in 1...10 {
            demand.read(65536..<65568, in: file, by: reader, now: after(45 * minute))
            #expect(demand.expire(now: after(45 * minute)) == false)
        }
        #expect(demand.readAheadRanges == before)
    }

    @Test func demandEndsAMinuteAfterTheLastRead() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 1)
        #expect(demand.nextExpiry == after(60))
        #expect(demand.expire(now: after(59)) == false)
        #expect(demand.expire(now: after(60)) == true)
        #expect(demand.isEmpty)
    }

    @Test func anUnsatisfiedWaitKeepsItsPriorityForAMinute() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.waitBegan(WaitID(rawValue: 1), for: 0..<100)
        demand.waitBegan(WaitID(rawValue: 2), for: 500..<600)
        #expect(demand.urgentRanges == [0..<100, 500..<600])
        demand.waitEnded(WaitID(rawValue: 1), isSatisfied: false, now: start)
        demand.waitEnded(WaitID(rawValue: 2), isSatisfied: true, now: start)
        #expect(demand.urgentRanges == [0..<100])
        #expect(demand.expire(now: after(60)) == true)
        #expect(demand.isEmpty)
    }

    @Test func streamsAreBounded() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        for number in 0..<100 { read(&demand, from: UInt64(number) * 10 << 20, count: 1) }
        #expect(demand.readAheadRanges.count == 8)
        for client in 0..<500 {
            demand.read(
                0..<4096,
                in: file,
                by: ReaderID(client: UInt64(client), file: 0),
                now: start
            )
        }
        #expect(demand.readAheadRanges.count == 128)
    }
}
