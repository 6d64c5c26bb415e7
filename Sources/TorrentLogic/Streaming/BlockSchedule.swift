package import BitTorrentProtocol

/// Which peer is to be asked for the next block: list scheduling with look-ahead.
///
/// Blocks come in the order of their deadlines, and each goes to the peer that would deliver it first,
/// even if that peer has its pipeline full and must be waited for: then the block is set aside for it.
/// A slower peer that is free gets the block instead only if it would deliver it long before its
/// deadline. So nobody who is slow holds up what a reader needs next, and what is needed first is
/// striped over the fast ones such that they finish together.
package struct BlockSchedule {
    /// A peer that could deliver something.
    package struct Lane {
        /// Its place in the table of peers.
        let peer: Int
        let key: PeerKey
        /// The pieces that may be requested of it.
        let has: Bitfield
        var hasRoom: Bool
        let blockTime: Double
        /// When it would deliver one block more, with all that is requested.
        var finish: Double

        package init(
            peer: Int,
            key: PeerKey,
            has: Bitfield,
            hasRoom: Bool,
            blockTime: Double,
            finish: Double
        ) {
            self.peer = peer
            self.key = key
            self.has = has
            self.hasRoom = hasRoom
            self.blockTime = blockTime
            self.finish = finish
        }
    }

    private var lanes: [Lane]
    /// As `finish` of each lane, with what was set aside in the turn of the current peer.
    private var reserved: [Double] = []
    private var reservationCount = 0
    private var current = 0

    /// Blocks that are set aside before the look-ahead ends.
    private static let maximumReservations = 96
    /// How much worse than estimated a slow peer may turn out without harm.
    private static let caution = (factor: 1.5, seconds: 0.25)

    package init(_ lanes: [Lane]) { self.lanes = lanes }

    /// Nobody has to be weighed against another: whoever is asked takes what comes next.
    package var isTrivial: Bool { lanes.count < 2 }

    /// Begins the turn of the peer that has room and would deliver soonest.
    ///
    /// - Parameter first: among equals the first from this place on.
    /// - Returns: its place in the table of peers.
    package mutating func beginNextTurn(first: Int = 0) -> Int? {
        var best: Int?
        for offset in lanes.indices {
            let lane = (first + offset) % lanes.count
            guard lanes[lane].hasRoom else { continue }
            if let other = best, lanes[other].finish <= lanes[lane].finish { continue }
            best = lane
        }
        guard let best else { return nil }
        begin(best)
        return lanes[best].peer
    }

    /// Begins the turn of one peer.
    ///
    /// - Returns: false if it is not among those that could deliver.
    package mutating func beginTurn(of peer: Int) -> Bool {
        guard !lanes.isEmpty else { return true }
        guard let lane = lanes.firstIndex(where: { $0.peer == peer }) else { return false }
        begin(lane)
        return true
    }

    private mutating func begin(_ lane: Int) {
        current = lane
        guard !isTrivial else { return }
        reserved.removeAll(keepingCapacity: true)
        for lane in lanes { reserved.append(lane.finish) }
        reservationCount = 0
    }

    /// The current peer was asked for a block.
    package mutating func requested() {
        guard !lanes.isEmpty else { return }
        lanes[current].finish += lanes[current].blockTime
    }

    /// There is nothing for the current peer.
    package mutating func retire() { lanes[current].hasRoom = false }

    /// Whether the current peer is to be asked for a block of a piece.
    ///
    /// - Parameters:
    ///   - blockCount: blocks of the piece that nobody was asked for.
    ///   - dueIn: seconds until the piece is needed.
    ///   - isOpen: who may be asked for it, if not everybody.
    package mutating func admits(
        _ piece: PieceIndex,
        blockCount: Int,
        dueIn: Double,
        isOpen: ((PeerKey) -> Bool)? = nil
    ) -> PiecePicker.Admission {
        guard !isTrivial else { return .take }
        if Self.caution.factor * reserved[current] + Self.caution.seconds <= dueIn { return .take }
        for _ in 0..<blockCount {
            var best = current
            for lane in reserved.indices
            where reserved[lane] < reserved[best] && lanes[lane].has[piece]
                && isOpen?(lanes[lane].key) ?? true
            {
                best = lane
            }
            guard best != current else { return .take }
            reserved[best] += lanes[best].blockTime
            reservationCount += 1
            guard reservationCount < Self.maximumReservations else { return .stop }
        }
        return .pass
    }
}
