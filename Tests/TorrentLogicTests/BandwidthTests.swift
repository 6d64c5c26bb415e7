import BitTorrentProtocol
import Testing
import TorrentLogic

/// Rates in virtual time.
@Suite struct BandwidthTests {
    let start = ContinuousClock.now
    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func aBucketGivesItsRateAndSavesLittle() {
        var bucket = TokenBucket(rate: 1000, now: start)
        #expect(bucket.available(now: start) == 0)
        #expect(bucket.available(now: after(0.1)) == 100)
        #expect(bucket.available(now: after(60)) == 200)
        bucket.take(700)
        #expect(bucket.available(now: after(60.1)) == -400)
        #expect(bucket.nextToken(now: after(60.1)) > after(60.5))
        #expect(bucket.available(now: after(60.6)) == 100)
    }

    @Test func aBucketWithoutARateIsNoLimit() {
        var bucket = TokenBucket(rate: 0, now: start)
        bucket.take(1 << 40)
        #expect(bucket.available(now: start) == .max)
        #expect(bucket.nextToken(now: start) == start)
    }

    @Test func aRateCanChangeAtAnyTime() {
        var bucket = TokenBucket(rate: 1000, now: start)
        bucket.setRate(10_000, now: after(0.1))
        #expect(bucket.available(now: after(0.2)) == 1100)
        bucket.setRate(0, now: after(0.2))
        #expect(!bucket.isLimited)
    }

    /// Torrents that ask every 50 ms, as they do, each for all it may need.
    private func run(
        rate: Int,
        seconds: Double,
        _ needs: [TransferNeed]
    ) -> [Int] {
        var bandwidth = Bandwidth<Int>(rate: rate, now: start)
        var got = needs.map { _ in 0 }
        var time = 0.0
        while time < seconds {
            for index in needs.indices {
                let now = after(time + Double(index) / 1000)
                got[index] += bandwidth.grant(needs[index], to: index, now: now)
            }
            time += 0.05
        }
        return got
    }

    @Test(arguments: [50_000, 1_000_000, 30_000_000])
    func theRateIsRightWithinFivePercentOverFiveSeconds(rate: Int) {
        let got = run(rate: rate, seconds: 5, [TransferNeed(other: 1 << 24)])
        #expect(abs(got[0] - 5 * rate) <= rate / 4)
    }

    @Test func thoseWhoNeedAsMuchGetAsMuch() {
        let needs = [TransferNeed](repeating: TransferNeed(other: 1 << 22), count: 5)
        let got = run(rate: 1_000_000, seconds: 10, needs)
        #expect(got.reduce(0, +) > 9_500_000)
        for one in got { #expect(abs(one - 2_000_000) < 100_000) }
    }

    @Test func whatOneDoesNotNeedGoesToTheOthers() {
        // The first needs a block now and then.
        let got = run(
            rate: 1_000_000,
            seconds: 10,
            [TransferNeed(other: 512), TransferNeed(other: 1 << 22), TransferNeed(other: 1 << 22)]
        )
        #expect(got[0] > 95_000)
        #expect(abs(got[1] - got[2]) < 200_000)
        #expect(got.reduce(0, +) > 9_500_000)
    }

    @Test func whatReadersWaitForGoesFirst() {
        let got = run(
            rate: 1_000_000,
            seconds: 10,
            [TransferNeed(other: 1 << 22), TransferNeed(urgent: 1 << 20)]
        )
        #expect(got[1] > 9_400_000)
        #expect(got[0] < 100_000)
    }

    @Test func whoDoesNotComeBackIsForgotten() {
        var bandwidth = Bandwidth<Int>(rate: 1_000_000, now: start)
        _ = bandwidth.grant(TransferNeed(other: 1 << 22), to: 1, now: start)
        var got = 0
        for step in 1...200 {
            got += bandwidth.grant(
                TransferNeed(other: 1 << 22),
                to: 2,
                now: after(Double(step) / 20)
            )
        }
        #expect(got > 8_900_000)
    }

    @Test func withoutALimitAllIsGranted() {
        var bandwidth = Bandwidth<Int>(rate: 0, now: start)
        #expect(bandwidth.grant(TransferNeed(urgent: 5, other: 7), to: 1, now: start) == 12)
    }

    @Test func aTorrentObeysItsOwnLimitToo() {
        var pace = TransferPace(rates: TransferRates(download: 100_000), now: start)
        var got = 0
        for step in 0..<100 {
            let now = after(Double(step) / 20)
            pace.begin(now: now)
            got += pace.grant(TransferNeed(other: 1 << 20), .download, now: now) { $0.total }
            #expect(pace.askAgainAt != nil)
        }
        #expect(abs(got - 500_000) <= 25_000)
        #expect(pace.grant(TransferNeed(other: 99), .upload, now: start) { $0.total } == 99)
    }
}

/// Whole swarms under a limit, in virtual time.
@Suite struct SwarmRateTests {
    static let geometry = PieceGeometry(pieceLength: 64 << 10, totalLength: 400 * (64 << 10))

    /// A reader of all of it and two seeds that could give 4 MB/s each.
    private func network() -> (network: SimulatedNetwork, seeds: [Int], reader: Int) {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: 4)
        let seeds = [network.addNode(isSeed: true), network.addNode(isSeed: true)]
        let reader = network.addNode(isSeed: false)
        return (network, seeds, reader)
    }

    private func read(_ network: SimulatedNetwork, _ reader: Int, _ seeds: [Int]) {
        let addresses = seeds.map { network.nodes[$0].address }
        network.tell(reader) {
            $0.waitBegan(WaitID(rawValue: 1), for: 0..<Self.geometry.totalLength, now: $1)
            $0.found(addresses, now: $1)
        }
    }

    @Test func aDownloadKeepsToItsLimit() {
        let (network, seeds, reader) = network()
        network.limit(reader, TransferRates(download: 1_000_000))
        read(network, reader, seeds)
        _ = network.run(until: .seconds(1)) { false }
        let before = network.nodes[reader].swarm.receivedByteCount
        _ = network.run(until: .seconds(6)) { false }
        let count = network.nodes[reader].swarm.receivedByteCount - before
        #expect(abs(Int(count) - 5_000_000) < 250_000)
        #expect(network.nodes[reader].swarm.wastedByteCount < 50_000)
    }

    @Test func anUploadKeepsToItsLimitAndServesPeersAlike() {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: 4)
        let seed = network.addNode(isSeed: true)
        let readers = (0..<3).map { _ in network.addNode(isSeed: false) }
        network.limit(seed, TransferRates(upload: 1_000_000))
        for reader in readers { read(network, reader, [seed]) }
        _ = network.run(until: .seconds(1)) { false }
        let before = readers.map { network.nodes[$0].swarm.receivedByteCount }
        _ = network.run(until: .seconds(6)) { false }
        let counts = zip(readers, before).map {
            Int(network.nodes[$0].swarm.receivedByteCount - $1)
        }
        #expect(abs(counts.reduce(0, +) - 5_000_000) < 250_000)
        for count in counts { #expect(abs(count - 1_666_666) < 250_000) }
    }

    @Test func twoTorrentsShareALimit() {
        let network = SimulatedNetwork(geometry: Self.geometry, seed: 4)
        let seed = network.addNode(isSeed: true)
        let readers = (0..<2).map { _ in network.addNode(isSeed: false) }
        network.shared[.download] = Bandwidth(rate: 1_000_000, now: network.now)
        for reader in readers {
            network.limit(reader)
            read(network, reader, [seed])
        }
        _ = network.run(until: .seconds(6)) { false }
        let counts = readers.map { Int(network.nodes[$0].swarm.receivedByteCount) }
        #expect(abs(counts.reduce(0, +) - 6_000_000) < 400_000)
        #expect(abs(counts[0] - counts[1]) < 400_000)
    }

    @Test func aLimitThatIsLiftedHoldsNothingBack() {
        let (network, seeds, reader) = network()
        network.limit(reader, TransferRates(download: 100_000))
        read(network, reader, seeds)
        _ = network.run(until: .seconds(2)) { false }
        network.limit(reader)
        let time = network.run(until: .seconds(20)) {
            network.nodes[reader].swarm.have.isComplete
        }
        #expect(time.map { $0 < .seconds(8) } == true)
    }
}
