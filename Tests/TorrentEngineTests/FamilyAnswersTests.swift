import BitTorrentProtocol
import Testing

@testable import TorrentEngine

@Suite struct FamilyAnswersTests {
    private func response(_ peers: String..., interval: Int) throws -> AnnounceResponse {
        var response = AnnounceResponse()
        response.peers = try peers.map { try #require(PeerAddress($0)) }
        response.interval = .seconds(interval)
        return response
    }

    @Test func thePeersOfBothCount() throws {
        var answers = FamilyAnswers(awaiting: 2)
        let ipv6 = try response("[2001:db8::1]:1", "1.2.3.4:5", interval: 7)
        let isFirst = answers.take(.success(ipv6), of: 1)
        #expect(isFirst)
        #expect(answers.awaitedCount == 1)
        let ipv4 = try response("1.2.3.4:5", "6.7.8.9:10", interval: 8)
        let isFirstToo = answers.take(.success(ipv4), of: 0)
        #expect(!isFirstToo)
        #expect(answers.awaitedCount == 0)
        let both = try answers.response.get()
        #expect(both.interval == .seconds(8))
        #expect(both.peers.map(\.description) == ["1.2.3.4:5", "6.7.8.9:10", "[2001:db8::1]:1"])
    }

    @Test func oneIsEnough() throws {
        for isLate in [true, false] {
            var answers = FamilyAnswers(awaiting: 2)
            _ = answers.take(.success(try response("1.2.3.4:5", interval: 7)), of: 0)
            if isLate {
                answers.giveUp()
            } else {
                _ = answers.take(.failure(RemoteFailure.unreachable), of: 1)
            }
            #expect(answers.awaitedCount == 0)
            #expect(try answers.response.get().peers.count == 1)
        }
    }

    @Test func whatTheTrackerSaysCountsMoreThanThatThereIsNoWayToIt() {
        let refusal = AnnounceError.refused(reason: "no", retry: .never)
        let failures: [any Error] = [refusal, RemoteFailure.unreachable]
        for order in [[0, 1], [1, 0]] {
            var answers = FamilyAnswers(awaiting: 2)
            for number in order {
                let isOfUse = answers.take(.failure(failures[number]), of: number)
                #expect(!isOfUse)
            }
            #expect(throws: refusal) { try answers.response.get() }
        }
    }
}
