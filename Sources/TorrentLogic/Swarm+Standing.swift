import BitTorrentProtocol

// What the owner of a swarm has to know of it after each turn.
extension Swarm {
    package struct Standing: Sendable {
        /// As `Swarm.hasDemand`.
        package let hasDemand: Bool
        /// As `Swarm.hasReaderDemand`.
        package let hasReaderDemand: Bool
        /// As `Swarm.usablePeerCount`.
        package let usablePeerCount: Int
        /// We have every piece.
        package let isComplete: Bool
        /// Bytes of the pieces that we have.
        package let heldByteCount: UInt64
    }

    /// How things stand now.
    ///
    /// Mutating though it changes nothing: so the swarm is lent, where each property that another
    /// module asks for copies all of it.
    package mutating func standing() -> Standing {
        Standing(
            hasDemand: hasDemand,
            hasReaderDemand: hasReaderDemand,
            usablePeerCount: usablePeerCount,
            isComplete: have.isComplete,
            heldByteCount: geometry.byteCount(of: have)
        )
    }

    /// `nextDeadline`, of a swarm that is lent.
    package mutating func deadline() -> Instant? { nextDeadline }
}
