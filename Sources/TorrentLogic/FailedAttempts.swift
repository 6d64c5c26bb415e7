/// The attempts at a piece that turned out wrong: who sent what, and what that tells of them.
struct FailedAttempts {
    struct Attempt {
        /// By block number.
        let senders: [PeerKey?]
        let digests: [UInt64]
    }

    private(set) var attempts: [Attempt] = []

    /// Attempts that are remembered.
    private static let maximumCount = 3
    /// Attempts after which the piece is fetched from one peer alone.
    private static let maximumStripedCount = 2

    mutating func add(_ attempt: Attempt) {
        attempts.append(attempt)
        if attempts.count > Self.maximumCount { attempts.removeFirst() }
    }

    var senders: Set<PeerKey> { Set(attempts.flatMap(\.senders).compactMap { $0 }) }

    /// Everyone whose block differs from the right one.
    func liars(rightDigests: [UInt64]) -> Set<PeerKey> {
        Set(
            attempts.flatMap { attempt in
                rightDigests.indices.compactMap { number in
                    attempt.digests[number] == rightDigests[number] ? nil : attempt.senders[number]
                }
            }
        )
    }

    /// Who may have lied: everyone with whom no other peer agrees about any block, and everyone who
    /// differs from two that agree.
    var suspects: Set<PeerKey> {
        var vouchedFor: Set<PeerKey> = []
        var contradicted: Set<PeerKey> = []
        for votes in votes {
            guard let agreed = Self.agreed(votes) else { continue }
            for vote in votes {
                if vote.digest == agreed {
                    vouchedFor.insert(vote.peer)
                } else {
                    contradicted.insert(vote.peer)
                }
            }
        }
        return senders.subtracting(vouchedFor).union(contradicted)
    }

    /// By block, those from whom not to fetch it again; `nil` once it is better to ask one alone.
    ///
    /// After the first attempt it is whoever sent the block. After the second every block has been
    /// sent by two, and who lies often is known from that.
    var avoided: [Set<PeerKey>]? {
        guard attempts.count <= Self.maximumStripedCount else { return nil }
        let suspects = attempts.count > 1 ? suspects : []
        return votes.map { votes in
            Self.agreed(votes) == nil ? suspects.union(votes.map(\.peer)) : suspects
        }
    }

    private typealias Vote = (peer: PeerKey, digest: UInt64)

    /// By block, who sent what.
    private var votes: [[Vote]] {
        (attempts.first?.digests.indices ?? 0..<0).map { number in
            attempts.compactMap { attempt in
                attempt.senders[number].map { ($0, attempt.digests[number]) }
            }
        }
    }

    /// What two different peers sent.
    private static func agreed(_ votes: [Vote]) -> UInt64? {
        votes.first { vote in
            votes.contains { $0.peer != vote.peer && $0.digest == vote.digest }
        }?.digest
    }
}
