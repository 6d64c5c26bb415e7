import BitTorrentProtocol

/// What a tracker that is asked in each address family has answered.
struct FamilyAnswers {
    /// Those that may still come.
    private(set) var awaitedCount: Int
    private var responses: [Int: AnnounceResponse] = [:]
    private var failure: (any Error)?

    init(awaiting count: Int) { awaitedCount = count }

    /// - Parameter number: of the family; the least is believed where answers differ.
    /// - Returns: whether it is the first that is of use.
    mutating func take(_ answer: Result<AnnounceResponse, any Error>, of number: Int) -> Bool {
        awaitedCount -= 1
        switch answer {
        case .success(let response):
            responses[number] = response
            return responses.count == 1
        case .failure(let error):
            // What the tracker itself says tells more than that there is no way to it.
            if failure == nil || error is AnnounceError { failure = error }
            return false
        }
    }

    /// The rest takes too long.
    mutating func giveUp() { awaitedCount = 0 }

    /// All peers; a failure if no family has brought an answer.
    var response: Result<AnnounceResponse, any Error> {
        let ordered = responses.sorted { $0.key < $1.key }.map(\.value)
        guard var response = ordered.first else {
            return .failure(failure ?? RemoteFailure.timedOut)
        }
        for other in ordered.dropFirst() {
            response.peers += other.peers.filter { !response.peers.contains($0) }
        }
        return .success(response)
    }
}
