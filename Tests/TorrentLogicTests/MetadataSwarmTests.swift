import BitTorrentProtocol
import Testing
import TorrentLogic

@Suite struct MetadataSwarmTests {
    typealias Action = MetadataSwarm.Action
    let start = ContinuousClock.now
    let metadata = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    func after(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }
    func key(_ number: Int) -> PeerKey { PeerKey(rawValue: UInt64(number)) }

    private func swarm() -> MetadataSwarm {
        MetadataSwarm(
            ownID: peerID(0),
            limits: SwarmLimits(),
            allowsLocalAddresses: true,
            seed: 1
        )
    }
    private func connect(
        _ swarm: inout MetadataSwarm,
        _ number: Int,
        isIncoming: Bool = false,
        isExtended: Bool = true,
        isFast: Bool = false,
        id: Int? = nil
    ) {
        swarm.connected(
            key(number),
            address: localAddress(port: UInt16(6000 + number)),
            isIncoming: isIncoming,
            id: peerID(id ?? number),
            isExtended: isExtended,
            isFast: isFast,
            listenPort: 6881,
            now: start
        )
    }
    private func greet(
        _ swarm: inout MetadataSwarm,
        as number: Int,
        claiming byteCount: Int?,
        extensions: [String: UInt8] = ["ut_metadata": 22],
        at time: Double = 0
    ) {
        var handshake = ExtensionHandshake()
        handshake.messageIDs = extensions
        handshake.metadataByteCount = byteCount
        swarm.received(id: 0, handshake.encode(), from: key(number), now: after(time))
    }
    /// Answers every request; returns the other actions.
    private func run(
        _ swarm: inout MetadataSwarm,
        sources: [Int: [UInt8]]
    ) throws -> [Action] {
        var others: [Action] = []
        while true {
            let actions = swarm.takeActions()
            guard !actions.isEmpty else { return others }
            for action in actions {
                guard case .send(id: 22, let payload, let peer) = action,
                    case .request(let block) = try MetadataMessage(decoding: payload),
                    let bytes = sources[Int(peer.rawValue)]
                else {
                    others.append(action)
                    continue
                }
                let first = block * 16384
                let data = MetadataMessage.data(
                    block: block,
                    totalByteCount: bytes.count,
                    payload: Array(bytes[first..<min(first + 16384, bytes.count)])
                )
                swarm.received(id: 2, data.encode(), from: peer, now: start)
            }
        }
    }

    @Test func dialsWhatIsFoundAndFetchesTheMetadata() throws {
        var swarm = swarm()
        let address = localAddress(port: 6001)
        swarm.found([address], now: start)
        #expect(swarm.takeActions() == [.dial(address)])
        connect(&swarm, 1, isFast: true)
        let greeting = swarm.takeActions()
        #expect(greeting.first == .sendHaveNone(to: key(1)))
        #expect(greeting.count == 2)
        greet(&swarm, as: 1, claiming: 20_000)
        #expect(swarm.usablePeerCount == 1)
        #expect(try run(&swarm, sources: [1: metadata]) == [.complete(metadata)])
        #expect(swarm.promisingAddresses == [address])
        swarm.stop()
        #expect(swarm.takeActions() == [.close(key(1), reason: .stopping)])
        #expect(swarm.nextDeadline == nil)
    }

    @Test func aLiarIsBannedAndTheHonestOneIsBelieved() throws {
        var swarm = swarm()
        connect(&swarm, 1)
        connect(&swarm, 2)
        _ = swarm.takeActions()
        var wrong = metadata
        wrong[3] ^= 1
        greet(&swarm, as: 1, claiming: 20_000)
        greet(&swarm, as: 2, claiming: 20_000)
        let sources = [1: wrong, 2: metadata]
        var actions = try run(&swarm, sources: sources)
        for _ in 0..<3 {
            guard case .complete(let bytes)? = actions.first(where: \.isComplete) else { break }
            if bytes == metadata { return }
            swarm.refused(now: start)
            actions = try run(&swarm, sources: sources)
            if actions.contains(.banned(localAddress(port: 6001))) {
                #expect(actions.contains(.close(key(1), reason: .banned)))
            }
        }
        #expect(actions.contains(.complete(metadata)))
    }

    @Test func closesWhoCannotHelp() {
        var swarm = swarm()
        connect(&swarm, 1, isExtended: false)
        #expect(swarm.takeActions() == [.close(key(1), reason: .noMetadata)])
        connect(&swarm, 2)
        _ = swarm.takeActions()
        greet(&swarm, as: 2, claiming: nil, extensions: ["ut_pex": 1])
        #expect(swarm.takeActions() == [.close(key(2), reason: .noMetadata)])
        connect(&swarm, 3, id: 0)
        #expect(swarm.takeActions() == [.close(key(3), reason: .ownConnection)])
        connect(&swarm, 4, isIncoming: true)
        connect(&swarm, 5, id: 4)
        #expect(swarm.takeActions().last == .close(key(5), reason: .duplicateConnection))
        #expect(swarm.peerCount == 1)
    }

    @Test func aSilentPeerMakesRoomAfterAMinute() {
        var swarm = swarm()
        connect(&swarm, 1)
        greet(&swarm, as: 1, claiming: nil, at: 5)
        _ = swarm.takeActions()
        #expect(swarm.nextDeadline == after(65))
        swarm.timerFired(now: after(65))
        #expect(swarm.takeActions() == [.close(key(1), reason: .silent)])
    }

    @Test func triesADeadAddressForEverAtLongerAndLongerIntervals() throws {
        var swarm = swarm()
        let address = localAddress(port: 6001)
        swarm.found([address], now: start)
        var times: [Double] = []
        var now = start
        while times.count < 14 {
            for action in swarm.takeActions() {
                #expect(action == .dial(address))
                times.append((now - start) / .seconds(1))
                swarm.dialFailed(address, now: now)
            }
            now = try #require(swarm.nextDeadline)
            swarm.timerFired(now: now)
        }
        let intervals = zip(times.dropFirst(), times).map { $0 - $1 }
        #expect(Array(intervals.prefix(4)) == [3, 15, 30, 60])
        #expect(intervals.last.map { (3599.9...3600.1).contains($0) } == true)
    }
}

extension MetadataSwarm.Action {
    fileprivate var isComplete: Bool {
        if case .complete = self { true } else { false }
    }
}
