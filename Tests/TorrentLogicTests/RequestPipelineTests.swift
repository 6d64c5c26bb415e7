import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct RequestPipelineTests {
    let start = ContinuousClock.now
    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }
    func block(_ number: Int) -> Block {
        Block(piece: PieceIndex(number / 64), offset: UInt32(number % 64) << 14, length: 16384)
    }
    func pipeline(depth: Int = 250) -> RequestPipeline {
        RequestPipeline(maximumDepth: depth, patience: .seconds(8), now: start)
    }

    /// A peer that answers each request after `delay`, but at most `rate` blocks a second.
    func run(_ pipeline: inout RequestPipeline, seconds: Double, delay: Double, rate: Double) {
        var arrivals: [(Double, Block)] = []
        var number = 0
        var free = 0.0
        var time = 0.0
        while time < seconds {
            while pipeline.room > 0 {
                pipeline.requested(block(number), now: after(time))
                free = max(free, time + delay) + 1 / rate
                arrivals.append((free, block(number)))
                number += 1
            }
            let (arrival, block) = arrivals.removeFirst()
            time = arrival
            #expect(pipeline.received(block, now: after(time)) == true)
        }
    }

    @Test func startsSmallAndGrowsToTheFullDepthOfAFastPeer() {
        var pipeline = pipeline()
        #expect(pipeline.room == 4)
        run(&pipeline, seconds: 1, delay: 0.001, rate: 20_000)
        #expect(pipeline.depth == 250)
    }

    @Test func keepsAboutAQuarterSecondInFlightAtANearPeer() {
        var pipeline = pipeline()
        run(&pipeline, seconds: 10, delay: 0.01, rate: 100)
        #expect((20...40).contains(pipeline.depth))
    }

    @Test func keepsTwoRoundTripsInFlightAtAFarPeer() {
        var pipeline = pipeline()
        run(&pipeline, seconds: 10, delay: 0.3, rate: 100)
        #expect((50...80).contains(pipeline.depth))
    }

    @Test func threeSecondsMayWaitOfWhatNobodyWaitsFor() {
        var pipeline = pipeline()
        #expect(pipeline.patientRoom == 4)
        run(&pipeline, seconds: 10, delay: 0.01, rate: 20)
        #expect((50...70).contains(pipeline.patientRoom + pipeline.inFlightCount))
        var fast = self.pipeline()
        run(&fast, seconds: 10, delay: 0.01, rate: 1000)
        #expect(fast.patientRoom + fast.inFlightCount == 250)
    }

    @Test func whoBeginsWithABurstAndFallsSilentIsAskedForLess() {
        var pipeline = pipeline()
        for number in 0..<8 { pipeline.requested(block(number), now: start) }
        for number in 0..<8 {
            _ = pipeline.received(block(number), now: after(0.1 + 0.01 * Double(number)))
        }
        let rate = pipeline.rate ?? 0
        #expect(rate > 1e6)
        #expect(pipeline.patientRoom < Int(rate) / Int(Block.maximumLength))
        pipeline.suspect()
        #expect(pipeline.rate == rate / 2)
        pipeline.requested(block(9), now: after(1))
        _ = pipeline.received(block(9), now: after(1.1))
        #expect(pipeline.patientRoom <= 8)
    }

    @Test func aSecondIsInFlightAtThePeerThatIsTheOnlyOne() {
        var pipeline = pipeline()
        #expect(pipeline.loneRoom == 4)
        run(&pipeline, seconds: 10, delay: 0.01, rate: 100)
        #expect((90...110).contains(pipeline.loneRoom + pipeline.inFlightCount))
    }

    @Test func littleIsInFlightOfWhatIsNeededMuchLater() {
        var pipeline = pipeline()
        #expect(pipeline.leisurelyRoom == pipeline.room)
        run(&pipeline, seconds: 10, delay: 0.08, rate: 60)
        #expect(pipeline.inFlightCount > 4)
        #expect(pipeline.leisurelyRoom == 0)
        _ = pipeline.giveBack()
        #expect(pipeline.leisurelyRoom == 2)
    }

    @Test func aFarPeerThatIsFastHasMoreInFlightOfWhatIsNeededMuchLater() {
        var pipeline = pipeline()
        run(&pipeline, seconds: 10, delay: 0.2, rate: 200)
        _ = pipeline.giveBack()
        #expect((8...12).contains(pipeline.leisurelyRoom))
    }

    @Test func asksLittleOfASlowPeer() {
        var pipeline = pipeline()
        run(&pipeline, seconds: 30, delay: 0.02, rate: 1)
        #expect((2...3).contains(pipeline.depth))
    }

    @Test func neverExceedsItsLimit() {
        var pipeline = pipeline(depth: 10)
        run(&pipeline, seconds: 2, delay: 0.1, rate: 10_000)
        #expect(pipeline.depth == 10)
    }

    @Test func tellsWhatWasNotRequested() {
        var pipeline = pipeline()
        pipeline.requested(block(1), now: start)
        #expect(pipeline.received(block(2), now: after(0.1)) == false)
        #expect(pipeline.received(block(1), now: after(0.1)) == true)
        #expect(pipeline.received(block(1), now: after(0.1)) == false)
    }

    @Test func acceptsBlocksInAnyOrder() {
        var pipeline = pipeline()
        for number in [1, 2, 3, 4] { pipeline.requested(block(number), now: start) }
        for number in [3, 1, 4, 2] {
            #expect(pipeline.received(block(number), now: after(0.1)) == true)
        }
        #expect(pipeline.isEmpty)
    }

    @Test func snubsASilentPeer() {
        var pipeline = pipeline()
        pipeline.requested(block(1), now: start)
        pipeline.requested(block(2), now: start)
        #expect(pipeline.timerFired(now: after(7)) == [])
        #expect(pipeline.timerFired(now: after(8)) == [block(1), block(2)])
        #expect(pipeline.isSnubbed)
        #expect(pipeline.room == 1)
        pipeline.requested(block(3), now: after(9))
        #expect(pipeline.received(block(3), now: after(10)) == true)
        #expect(!pipeline.isSnubbed)
    }

    @Test func doesNotBlameAnIdlePeer() {
        var pipeline = pipeline()
        pipeline.requested(block(1), now: after(3600))
        #expect(!pipeline.isSilent(now: after(3600.5)))
        #expect(pipeline.timerFired(now: after(3601)) == [])
        #expect(pipeline.isSilent(now: after(3602)))
    }

    @Test func whatWasCancelledAndIsInASendBufferComesBeforeWhatIsAskedNext() {
        var pipeline = pipeline()
        // 20 blocks a second, 100 ms away.
        run(&pipeline, seconds: 5, delay: 0.1, rate: 20)
        let now = after(5)
        let requests = pipeline.inFlight.map(\.block)
        #expect(requests.count >= 5)
        for block in requests { #expect(pipeline.cancel(block, now: now) == true) }
        pipeline.requested(block(5000), now: now)
        let delay = pipeline.inFlight.last?.expectedDelay ?? 0
        #expect((0.2...0.4).contains(delay))
        // Each that comes is waited for no longer, nor is what comes no more.
        pipeline.straggled(now: now)
        pipeline.requested(block(5001), now: now)
        #expect(pipeline.inFlight.last?.expectedDelay ?? 0 < delay + 0.01)
        pipeline.requested(block(5002), now: now + .seconds(1))
        #expect(pipeline.inFlight.last?.expectedDelay ?? 0 < 0.2)
    }

    @Test func aChokeVoidsAllRequests() {
        var pipeline = pipeline()
        pipeline.requested(block(1), now: start)
        pipeline.requested(block(2), now: start)
        #expect(pipeline.withdraw(block(1)) == true)
        #expect(pipeline.giveBack() == [block(2)])
        #expect(pipeline.isEmpty)
        #expect(pipeline.withdraw(block(2)) == false)
    }
}
