import BitTorrentProtocol

/// Who lied, as far as the attempts at wrong pieces tell.
///
/// Who sent something else than two others that agree is suspected. Of two that contradict each other
/// one lied at least, and whoever is contradicted by most is taken to have done so, until all
/// contradictions are explained; where neither of two is contradicted by others, both are suspected.
struct Suspicion {
    /// Those of whom it is likely.
    private(set) var liars: Set<PeerKey>
    /// Those of whom it is as likely as of another.
    private(set) var doubtful: Set<PeerKey> = []

    init(_ failures: some Sequence<FailedAttempts>) {
        var contradictors: [PeerKey: Set<PeerKey>] = [:]
        liars = []
        for failure in failures {
            liars.formUnion(failure.contradicted)
            for (one, other) in failure.contradictions {
                contradictors[one, default: []].insert(other)
                contradictors[other, default: []].insert(one)
            }
        }
        for liar in liars { Self.explain(by: liar, &contradictors) }
        while let most = contradictors.max(by: {
            ($0.value.count, $1.key) < ($1.value.count, $0.key)
        }) {
            guard most.value.count > 1 else { break }
            liars.insert(most.key)
            Self.explain(by: most.key, &contradictors)
        }
        doubtful = Set(contradictors.keys)
    }

    private static func explain(by liar: PeerKey, _ contradictors: inout [PeerKey: Set<PeerKey>]) {
        for other in contradictors.removeValue(forKey: liar) ?? [] {
            contradictors[other]?.remove(liar)
            if contradictors[other]?.isEmpty == true { contradictors[other] = nil }
        }
    }
}
