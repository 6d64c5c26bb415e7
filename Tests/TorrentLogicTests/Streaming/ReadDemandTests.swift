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

    func urgent(_ demand: ReadDemand) -> [Range<UInt64>] {
        demand.segments.filter(\.isUrgent).map(\.range)
    }
    /// Of each stream, from its position to the end of its window.
    func readAhead(_ demand: ReadDemand) -> [Range<UInt64>] {
        var ranges: [Range<UInt64>] = []
        for range in demand.segments.filter({ !$0.isUrgent }).map(\.range) {
            if let last = ranges.last, last.upperBound == range.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
        }
        return ranges
    }

    @Test func whoWaitsForWhatComesTooSlowlyWantsMoreAhead() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 8)
        let before = readAhead(demand)
        #expect(demand.widen() == false)
        #expect(readAhead(demand) == before)
        demand.waitBegan(WaitID(rawValue: 1), for: 0..<131_072, now: start)
        #expect(demand.widen() == true)
        #expect(readAhead(demand).first?.count ?? 0 >= 16 * Int(Self.mebibyte))
        #expect(demand.widen() == false)
    }

    @Test func aProbeThatWaitsWantsNothingAhead() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.read(0..<4096, in: file, by: reader, now: start)
        demand.waitBegan(WaitID(rawValue: 1), for: 0..<4096, now: start)
        #expect(demand.widen() == false)
    }

    @Test func wantsNothingWithoutARead() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        #expect(demand.isEmpty)
        #expect(demand.segments == [])
        #expect(demand.nextExpiry == nil)
        #expect(demand.takeWithdrawal() == false)
    }

    @Test func aFirstReadWantsNothingButTheRestOfItsPiece() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.read(4096..<8192, in: file, by: reader, now: start)
        #expect(urgent(demand) == [4096..<8192])
        #expect(readAhead(demand) == [8192..<262_144])
        demand.read(0..<262_144, in: file, by: ReaderID(client: 2, file: 0), now: start)
        #expect(readAhead(demand) == [8192..<262_144])
    }

    @Test func whereBlocksAreVerifiedAFirstReadWantsNothingButItself() {
        var demand = ReadDemand(pieceLength: 1 << 18, comesInBlocks: true)
        demand.read(0..<131_072, in: file, by: reader, now: start)
        #expect(readAhead(demand) == [])
        // In small reads no more than the same.
        let other = ReaderID(client: 2, file: 0)
        demand.read(0..<32768, in: file, by: other, now: start)
        demand.read(32768..<65536, in: file, by: other, now: start)
        #expect(readAhead(demand) == [])
        demand.read(65536..<98304, in: file, by: other, now: start)
        #expect(readAhead(demand) == [98304..<262_144])
    }

    @Test func whoReadsOnHasProvedItAndALongReadIsProofEnough() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 2)
        #expect(readAhead(demand) == [262_144..<262_144 + 2 * Self.mebibyte])
        var other = ReadDemand(pieceLength: 4 << 20)
        other.read(0..<524_288, in: file, by: reader, now: start)
        #expect(readAhead(other) == [524_288..<524_288 + 8 * Self.mebibyte])
    }

    @Test func readAheadDoublesWithSequentialReadingUpToWhatTheReaderConsumes() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 10)
        #expect(readAhead(demand).first.map { $0.count >> 20 } == 4)
        read(&demand, from: 10 * 131_072, count: 2000)
        // 20 s at the assumed 1.25 MB/s, and no more than a step beyond.
        #expect((23...27).contains((readAhead(demand).first?.count ?? 0) >> 20))
        #expect(readAhead(demand).count == 1)
    }

    @Test func theBudgetOfAllWindowsGoesToTheYoungestStreamsFirst() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 4)
        for number in 0..<4 {
            let lower = 500 * Self.mebibyte + UInt64(number) * 131_072
            let other = ReaderID(client: 2, file: 0)
            demand.read(lower..<lower + 131_072, in: file, by: other, now: start)
        }
        demand.windowBudget = 2 * Self.mebibyte + 4096
        #expect(readAhead(demand).map(\.count) == [2 << 20, 4096])
        demand.windowBudget = 0
        #expect(readAhead(demand) == [])
    }

    @Test func parallelReadsOutOfOrderAreOneStream() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 8, order: [3, 1, 0, 2, 7, 5, 6, 4])
        #expect(readAhead(demand).count == 1)
        #expect(urgent(demand) == [0..<Self.mebibyte])
        #expect(demand.takeWithdrawal() == false)
    }

    @Test func aJumpSupersedesAndWhoIsReadAgainComesBack() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        let far = 500 * Self.mebibyte
        read(&demand, from: 0, count: 4)
        #expect(demand.takeWithdrawal() == false)
        read(&demand, from: far, count: 4)
        #expect(demand.takeWithdrawal() == true)
        #expect(demand.takeJump() == true)
        #expect(urgent(demand) == [far..<far + 524_288])
        #expect(readAhead(demand).map(\.lowerBound) == [far + 524_288])
        // One read was on its way still.
        read(&demand, from: 524_288, count: 1)
        #expect(readAhead(demand).count == 1)
        read(&demand, from: 655_360, count: 1)
        #expect(Set(readAhead(demand).map(\.lowerBound)) == [far + 524_288, 786_432])
        #expect(demand.takeWithdrawal() == false)
    }

    @Test func whatAReaderLeftBehindWaitsWhenItWentElsewhere() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 1)
        demand.waitBegan(WaitID(rawValue: 1), for: 0..<131_072, now: start)
        read(&demand, from: 500 * Self.mebibyte, count: 1)
        let leads = demand.segments.filter(\.isUrgent).map(\.lead)
        #expect(leads == [0.5, 0])
    }

    @Test func theFirstBytesOfEachStreamComeBeforeTheFurtherOnesOfAny() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        let player = ReaderID(client: 2, file: 0)
        for number in 0..<64 {
            let range = UInt64(number) * 131_072..<UInt64(number + 1) * 131_072
            demand.read(range, in: file, by: reader, now: start)
            demand.waitBegan(WaitID(rawValue: UInt64(number)), for: range, now: start)
        }
        let range = 100 * Self.mebibyte..<100 * Self.mebibyte + 4096
        demand.read(range, in: file, by: player, now: start)
        demand.waitBegan(WaitID(rawValue: 100), for: range, now: start)
        let segments = demand.segments.filter(\.isUrgent).sorted { $0.lead < $1.lead }
        #expect(Set(segments.prefix(2).map(\.range)) == [0..<131_072, range])
        #expect(segments.dropFirst(2).allSatisfy { $0.lead > 0 })
    }

    @Test func deadlinesFollowTheRateOfConsumption() throws {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 200)
        let segments = demand.segments.filter { !$0.isUrgent }
        let first = try #require(segments.first)
        #expect(first.lead(of: first.range.upperBound) <= first.lead + 1)
        let last = try #require(segments.last)
        let seconds = Double(last.range.count) / 1.25e6
        #expect(abs(last.lead(of: last.range.upperBound) - last.lead - seconds) < 0.001)
    }

    @Test func readAheadStopsAtTheEndOfTheFile() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.read(100..<200, in: 0..<300, by: reader, now: start)
        #expect(readAhead(demand) == [200..<300])
        demand.read(200..<400, in: 0..<300, by: reader, now: start)
        #expect(readAhead(demand) == [])
        #expect(urgent(demand) == [100..<300])
    }

    @Test func aReadOutsideItsFileWantsNothing() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.read(400..<500, in: 0..<300, by: reader, now: start)
        demand.read(10..<10, in: 0..<300, by: reader, now: start)
        #expect(demand.isEmpty)
    }

    @Test func theKeepAliveOfAPausedPlayerIsNeitherSeekNorProof() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 8)
        _ = demand.takeJump()
        let before = readAhead(demand)
        for number in 1...10 {
            demand.read(1_000_000..<1_000_032, in: file, by: reader, now: after(45 * number))
            _ = demand.expire(now: after(45 * number))
            #expect(readAhead(demand) == before)
        }
        #expect(demand.takeJump() == false)
    }

    @Test func readAheadEndsAfterTheLastReadAndThePlaceIsRemembered() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 8)
        let before = readAhead(demand)
        #expect(demand.nextExpiry == after(60))
        #expect(demand.expire(now: after(59)) == false)
        #expect(demand.expire(now: after(60)) == true)
        #expect(demand.segments == [])
        #expect(demand.nextExpiry == nil)
        demand.read(Self.mebibyte..<Self.mebibyte + 1, in: file, by: reader, now: after(200))
        #expect(readAhead(demand).first?.upperBound == before[0].upperBound + 1)
        #expect(demand.expire(now: after(260)) == true)
        #expect(demand.expire(now: after(500)) == false)
        #expect(demand.isEmpty)
    }

    @Test func whoWaitsKeepsItsReadAhead() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 8)
        demand.waitBegan(WaitID(rawValue: 1), for: 0..<4096, now: start)
        #expect(demand.expire(now: after(120)) == false)
        #expect(!readAhead(demand).isEmpty)
    }

    @Test func nothingIsWantedForAClientThatLeft() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        read(&demand, from: 0, count: 8)
        demand.left(2)
        #expect(demand.takeWithdrawal() == false)
        demand.left(1)
        #expect(demand.takeWithdrawal() == true)
        #expect(demand.isEmpty)
    }

    @Test func anUnsatisfiedWaitKeepsItsPriorityForAMinute() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        demand.waitBegan(WaitID(rawValue: 1), for: 0..<100, now: start)
        demand.waitBegan(WaitID(rawValue: 2), for: 500..<600, now: start)
        #expect(urgent(demand) == [0..<100, 500..<600])
        demand.waitEnded(WaitID(rawValue: 1), isSatisfied: false, now: start)
        demand.waitEnded(WaitID(rawValue: 2), isSatisfied: true, now: start)
        #expect(urgent(demand) == [0..<100])
        #expect(demand.expire(now: after(60)) == true)
        #expect(demand.isEmpty)
    }

    @Test func streamsAreBounded() {
        var demand = ReadDemand(pieceLength: 1 << 18)
        for number in 0..<100 { read(&demand, from: UInt64(number) * 10 << 20, count: 1) }
        for client in 0..<500 {
            demand.read(
                0..<4096,
                in: file,
                by: ReaderID(client: UInt64(client), file: 0),
                now: start
            )
        }
        #expect(readAhead(demand).count == 128)
    }
}
