import BitTorrentProtocol
import Testing
import TorrentLogic

extension SwarmTests {
    private var carol: PeerKey { PeerKey(rawValue: 3) }
    private var piece: PieceIndex { PieceIndex(4) }

    /// Three peers that were asked for both blocks of a piece, twice each.
    private func swarmInDoubt() -> Swarm {
        var swarm = swarm()
        for key in [alice, bob, carol] { connect(&swarm, key) }
        _ = swarm.takeActions()
        read(&swarm, piece: 4)
        return swarm
    }

    private func requests(_ actions: [Action]) -> [PeerKey: [UInt32]] {
        var requests: [PeerKey: [UInt32]] = [:]
        for case .send(.request(let request), let key) in actions {
            requests[key, default: []].append(request.offset / 16384)
        }
        return requests
    }

    private func send(_ number: Int, from key: PeerKey, to swarm: inout Swarm) -> Block? {
        swarm.receivedBlock(
            piece: 4,
            offset: UInt32(number) * 16384,
            length: 16384,
            from: key,
            now: after(0.1)
        )
    }

    @Test func whileNobodyIsKnownEachBlockIsRequestedOfTwo() {
        var swarm = swarmInDoubt()
        let requests = requests(swarm.takeActions())
        let all = requests.values.flatMap { $0 }.sorted()
        #expect(all == [0, 0, 1, 1])
        #expect(requests.values.allSatisfy { Set($0).count == $0.count })
    }

    @Test func secondCopiesAreCancelledWhenThePieceIsRight() throws {
        var swarm = swarmInDoubt()
        let requests = requests(swarm.takeActions())
        for number in 0..<2 {
            let sender = try #require(requests.first { $0.value.contains(UInt32(number)) }?.key)
            #expect(send(number, from: sender, to: &swarm) != nil)
        }
        #expect(swarm.takeActions().contains(.verify(piece)))
        var copies = try #require(swarm.copies(of: piece))
        for number in 0..<2 { copies.know(0, of: number) }
        swarm.verified(piece, blockDigests: [0, 0], copies: copies, now: after(0.2))
        let actions = swarm.takeActions()
        let cancelCount = actions.count { if case .send(.cancel, _) = $0 { true } else { false } }
        #expect(cancelCount == 2)
        #expect(actions.contains(.discard(piece)))
        read(&swarm, piece: 5, at: 0.3)
        #expect(self.requests(swarm.takeActions()).values.flatMap { $0 }.sorted() == [0, 1])
    }

    @Test func aWrongPieceIsLookedAtAgainWithEachCopyThatComes() throws {
        var swarm = swarmInDoubt()
        let requests = requests(swarm.takeActions())
        let senders = try (0..<2).map { number in
            let keys = requests.filter { $0.value.contains(UInt32(number)) }.map(\.key).sorted()
            return try #require(keys.count == 2 ? keys : nil)
        }
        let first = senders[0][0]
        let second = try #require(senders[1].first { $0 != first })
        _ = send(0, from: first, to: &swarm)
        _ = send(1, from: second, to: &swarm)
        var copies = try #require(swarm.copies(of: piece))
        for (number, digest) in [UInt64(9), 0].enumerated() { copies.know(digest, of: number) }
        #expect(copies.search { _ in false } == nil)
        _ = swarm.takeActions()
        let kept = swarm.rejected(piece, blockDigests: [], copies: copies, now: after(0.2))
        #expect(kept == [])
        #expect(!swarm.takeActions().contains(.verify(piece)))
        #expect(send(0, from: senders[0][1], to: &swarm) != nil)
        #expect(swarm.takeActions().contains(.verify(piece)))
        copies = try #require(swarm.copies(of: piece))
        copies.know(0, of: 0)
        let right = copies.search { $0 == [1, 0] }
        #expect(right == [1, 0])
        swarm.verified(piece, blockDigests: [0, 0], copies: copies, now: after(0.3))
        #expect(
            swarm.takeActions().contains {
                if case .banned(_, piece) = $0 { true } else { false }
            }
        )
    }
}
