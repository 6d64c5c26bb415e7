/// The attempts at a piece that turned out wrong: who sent what, and what that tells of them.
struct FailedAttempts {
    struct Attempt {
        /// By block number.
        let senders: [PeerKey?]
        let digests: [UInt64]
    }

    private(set) var attempts: [Attempt] = []

    /// Attempts that are remembered.
    private static let maximumCount = 5
    /// Attempts after which the piece is fetched from one peer alone.
    private static let maximumStripedCount = 4

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

    /// Everyone who differs from two that agree.
    var contradicted: Set<PeerKey> {
        var peers: Set<PeerKey> = []
        for votes in votes {
            guard let agreed = Self.agreed(votes) else { continue }
            for vote in votes where vote.digest != agreed { peers.insert(vote.peer) }
        }
        return peers
    }

    /// Pairs of peers that sent different things for a block of which nobody knows what is right.
    var contradictions: [(PeerKey, PeerKey)] {
        votes.flatMap { votes -> [(PeerKey, PeerKey)] in
            guard votes.count > 1, Self.agreed(votes) == nil else { return [] }
            return votes.indices.flatMap { first in
                votes[(first + 1)...].filter { $0.digest != votes[first].digest }
                    .map { (votes[first].peer, $0.peer) }
            }
        }
    }

    /// By block, those from whom not to fetch it again; `nil` once it is better to ask one alone.
    ///
    /// It is whoever sent a block on which no two agree, and everyone to avoid in any case.
    func avoided(_ unwelcome: Set<PeerKey>) -> [Set<PeerKey>]? {
        guard attempts.count <= Self.maximumStripedCount, !isAgreed else { return nil }
        return votes.map { votes in
            Self.agreed(votes) == nil ? unwelcome.union(votes.map(\.peer)) : unwelcome
        }
    }

    /// Blocks of the last attempt that another peer had sent alike: they need not come again.
    var agreedBlocks: [Int] {
        guard let last = attempts.last, !isAgreed else { return [] }
        return zip(votes, last.digests).enumerated().compactMap { number, block in
            Self.agreed(block.0) == block.1 ? number : nil
        }
    }

    /// Two agree about every block, and yet the piece is wrong: they must have conspired.
    private var isAgreed: Bool { votes.allSatisfy { Self.agreed($0) != nil } }

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
