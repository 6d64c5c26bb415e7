/// Whom we serve: the interested peers that give us most, or take most when we download nothing,
/// and one chosen at random so that newcomers get a chance (BEP 3, optimistic unchoking).
package struct Choker {
    package typealias Instant = ContinuousClock.Instant

    package struct Candidate: Equatable, Sendable {
        package let key: PeerKey
        /// Bytes given to us (or taken from us, while we download nothing) in the last round.
        package let byteCount: UInt64

        package init(key: PeerKey, byteCount: UInt64) {
            self.key = key
            self.byteCount = byteCount
        }
    }

    /// Who may request; sorted.
    package private(set) var unchoked: [PeerKey] = []
    package private(set) var optimistic: PeerKey?
    package private(set) var nextRound: Instant

    private let slots: Int
    private var nextOptimistic: Instant
    private var generator: SeededGenerator

    private static let round = Duration.seconds(10)
    private static let optimisticRound = Duration.seconds(30)

    package init(slots: Int, seed: UInt64, now: Instant) {
        precondition(slots > 0)
        self.slots = slots
        generator = SeededGenerator(seed: seed)
        nextRound = now + Self.round
        nextOptimistic = now
    }

    /// A peer became interested: it need not wait for the next round if a slot is free.
    ///
    /// - Returns: true if it is unchoked now.
    package mutating func becameInterested(_ key: PeerKey) -> Bool {
        guard unchoked.count < slots, !unchoked.contains(key) else { return false }
        unchoked.append(key)
        unchoked.sort()
        return true
    }

    /// A peer left or lost interest; its slot is free.
    package mutating func left(_ key: PeerKey) {
        unchoked.removeAll { $0 == key }
        if optimistic == key { optimistic = nil }
    }

    /// Every 10 s: chooses anew.
    ///
    /// - Parameter interested: all peers that want something from us.
    package mutating func rechoke(_ interested: [Candidate], now: Instant) {
        nextRound = now + Self.round
        if now >= nextOptimistic || !interested.contains(where: { $0.key == optimistic }) {
            nextOptimistic = now + Self.optimisticRound
            let newcomers = interested.filter { !unchoked.contains($0.key) }
            optimistic =
                (newcomers.isEmpty ? interested : newcomers)
                .randomElement(using: &generator)?.key
        }
        let best = interested.filter { $0.key != optimistic }
            .sorted { ($1.byteCount, $0.key) < ($0.byteCount, $1.key) }
        let others = best.prefix(slots - (optimistic == nil ? 0 : 1)).map(\.key)
        unchoked = (others + [optimistic].compactMap { $0 }).sorted()
    }
}
