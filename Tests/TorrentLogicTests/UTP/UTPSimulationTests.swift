import Testing

@testable import TorrentLogic

/// A whole connection over bad paths, in virtual time; a failure names its seed.
@Suite struct UTPSimulationTests {
    static let conditions: [(String, VirtualLink.Condition)] = [
        ("perfect", .init(delay: .zero)),
        ("delay", .init()),
        ("slow", .init(rate: 200_000)),
        ("loss", .init(loss: 0.05)),
        ("much loss", .init(delay: .milliseconds(5), loss: 0.1)),
        ("reordering", .init(reordering: 0.3)),
        ("duplication", .init(duplication: 0.3)),
        ("short queue", .init(rate: 1_000_000, queue: 8 << 10)),
        ("small datagrams", .init(maximumDatagram: 1240)),
        (
            "all at once",
            .init(rate: 500_000, loss: 0.05, duplication: 0.05, reordering: 0.2)
        ),
    ]

    @Test(arguments: conditions.indices) func bytesArriveWholeAndInOrder(index: Int) {
        let (name, condition) = Self.conditions[index]
        for seed in UInt64(1)...12 {
            var path = VirtualUTP(condition, seed: seed)
            path.dialler.write(300_000)
            var hasAnswered = false
            let isDone = path.run(for: .seconds(300)) { path in
                path.acceptor?.receivedByteCount == 300_000
            }
            path.acceptor?.write(200_000)
            hasAnswered = path.run(for: .seconds(300)) { path in
                path.dialler.receivedByteCount == 200_000
            }
            path.dialler.connection.close()
            let hasEnded = path.run(for: .seconds(60)) { path in
                path.acceptor?.connection.isAtEnd == true
            }
            path.acceptor?.connection.close()
            let isGone = path.run(for: .seconds(200)) { path in
                path.dialler.connection.state.isClosed
                    && path.acceptor?.connection.state.isClosed == true
            }
            #expect(path.failures.isEmpty, "\(name), seed \(seed)")
            #expect(isDone && hasAnswered && hasEnded && isGone, "\(name), seed \(seed)")
        }
    }

    /// Whoever takes no notice of such an acknowledgement waits for ever once two datagrams are lost.
    @Test func selectiveAcksMayHaveAnyLength() {
        for seed in UInt64(1)...10 {
            var path = VirtualUTP(.init(loss: 0.05), seed: seed)
            path.hasShortSelectiveAcks = true
            path.dialler.write(500)
            path.run(for: .seconds(30)) { $0.acceptor != nil }
            path.dialler.write(499_500)
            path.acceptor?.write(500_000)
            let isDone = path.run(for: .seconds(60)) { path in
                path.dialler.receivedByteCount == 500_000
                    && path.acceptor?.receivedByteCount == 500_000
            }
            #expect(isDone && path.failures.isEmpty, "seed \(seed)")
        }
    }

    @Test func bothSendAtTheSameTime() {
        for seed in UInt64(1)...10 {
            var path = VirtualUTP(.init(rate: 1_000_000, loss: 0.02), seed: seed)
            path.dialler.write(500)
            path.run(for: .seconds(30)) { $0.acceptor != nil }
            path.dialler.write(999_500)
            path.acceptor?.write(1_000_000)
            let isDone = path.run(for: .seconds(120)) { path in
                path.dialler.receivedByteCount == 1_000_000
                    && path.acceptor?.receivedByteCount == 1_000_000
            }
            #expect(isDone && path.failures.isEmpty, "seed \(seed)")
        }
    }

    @Test func numbersAndTimestampsWrap() {
        var path = VirtualUTP(.init(delay: .milliseconds(1)), seed: 7)
        path.dialler.write(1000)
        path.run(for: .seconds(1))
        // The time of 32 bits wraps after 4295 s, the number of 16 bits after 90 MB.
        path.run(for: .seconds(4293))
        path.dialler.write(100_000_000)
        let isDone = path.run(for: .seconds(600)) { path in
            path.acceptor?.receivedByteCount == 100_001_000
        }
        #expect(isDone && path.failures.isEmpty)
        #expect(path.dialler.resentCount < 5)
        #expect(path.dialler.connection.queueingDelay ?? .seconds(1) < .milliseconds(50))
    }

    @Test func keepsTheQueueNearItsTarget() {
        for seed in UInt64(1)...3 {
            // One second of queue, which whoever fills it would fill.
            var path = VirtualUTP(.init(rate: 1_000_000, queue: 1_000_000), seed: seed)
            path.dialler.write(100_000_000)
            path.run(for: .seconds(20))
            let before = path.there.carriedByteCount
            var delays: [Duration] = []
            for _ in 0..<300 {
                path.run(for: .milliseconds(100))
                delays.append(path.there.queueingDelay(now: path.now))
            }
            let mean = delays.reduce(.zero, +) / delays.count
            #expect(mean > .milliseconds(60) && mean < .milliseconds(130), "seed \(seed)")
            #expect(path.there.carriedByteCount - before > 28_000_000, "seed \(seed)")
        }
    }

    @Test func fillsALongPath() {
        var path = VirtualUTP(
            .init(rate: 10_000_000, queue: 1 << 20),
            receiveWindow: 4 << 20,
            seed: 3
        )
        path.dialler.write(1 << 30)
        path.run(for: .seconds(10))
        let before = path.there.carriedByteCount
        path.run(for: .seconds(10))
        #expect(path.there.carriedByteCount - before > 90_000_000)
    }

    /// Reno over the same queue: it takes nearly all, and gets it back when it comes later.
    @Test func givesWayToWhoeverFillsTheQueue() {
        var path = VirtualUTP(.init(rate: 1_000_000, queue: 200_000), seed: 5)
        path.dialler.write(100_000_000)
        path.run(for: .seconds(15))
        let alone = path.there.carriedByteCount
        #expect(alone > 10_000_000)
        let rival = Rival(now: path.now)
        path.observe = { rival.act(on: &$0.there, now: $0.now) }
        for _ in 0..<30_000 {
            path.run(for: .milliseconds(1))
            rival.act(on: &path.there, now: path.now)
        }
        let whole = path.there.carriedByteCount - alone
        #expect(whole > 27_000_000)
        #expect(Double(rival.arrivedByteCount) > 0.75 * Double(whole))
    }

    @Test func survivesAWindowThatCloses() {
        for seed in UInt64(1)...5 {
            var path = VirtualUTP(.init(loss: 0.1), receiveWindow: 40_000, seed: seed)
            path.dialler.write(1000)
            path.run(for: .seconds(30)) { $0.acceptor != nil }
            path.acceptor?.isReading = false
            path.dialler.write(400_000)
            path.run(for: .seconds(300))
            let held = path.acceptor?.receivedByteCount ?? 0
            #expect(held <= 41_000, "seed \(seed)")
            #expect(path.dialler.connection.state == .open, "seed \(seed)")
            path.acceptor?.isReading = true
            path.acceptor?.connection.taken(held)
            let isDone = path.run(for: .seconds(200)) { path in
                path.acceptor?.receivedByteCount == 401_000
            }
            #expect(isDone && path.failures.isEmpty, "seed \(seed)")
        }
    }

    @Test func findsTheLargestDatagram() {
        for (maximum, least) in [(1472, 1452), (1400, 1364), (1240, 1212)] {
            var path = VirtualUTP(.init(maximumDatagram: maximum), seed: 9)
            path.dialler.write(2_000_000)
            path.run(for: .seconds(60)) { $0.acceptor?.receivedByteCount == 2_000_000 }
            #expect(path.acceptor?.receivedByteCount == 2_000_000, "\(maximum)")
            #expect(path.acceptor?.largestArrived ?? 0 >= least, "\(maximum)")
        }
    }
}

/// Another program's TCP over the same queue, in outline: a window that doubles, then grows by one
/// datagram in a round trip, and is halved when one is lost.
private final class Rival {
    private static let datagram = 1400
    private var window = 10.0
    private var threshold = Double.infinity
    /// When what is under way is acknowledged, or found lost.
    private var underWay: [(at: ContinuousClock.Instant, isLost: Bool)] = []
    private var deafUntil: ContinuousClock.Instant
    private(set) var arrivedByteCount = 0

    init(now: ContinuousClock.Instant) { deafUntil = now }

    func act(on link: inout VirtualLink, now: ContinuousClock.Instant) {
        while let first = underWay.first, first.at <= now {
            underWay.removeFirst()
            if !first.isLost {
                arrivedByteCount += Self.datagram
                window += window < threshold ? 1 : 1 / window
            } else if now >= deafUntil {
                window = max(2, window / 2)
                threshold = window
                deafUntil = now + .milliseconds(250)
            }
        }
        while Double(underWay.count) < window {
            let arrivals = link.send(byteCount: Self.datagram, now: now)
            let at = arrivals.first.map { $0 + .milliseconds(25) } ?? now + .milliseconds(250)
            let place = underWay.lastIndex { $0.at <= at }.map { $0 + 1 } ?? 0
            underWay.insert((at, arrivals.isEmpty), at: place)
        }
    }
}

extension UTPConnection.State {
    var isClosed: Bool { if case .closed = self { true } else { false } }
}
