import BitTorrentProtocol

/// Requests to a peer that were cancelled, choked away or given up: an answer may still come, the
/// block or a reject.
///
/// A block that is requested again meanwhile may be answered twice, so they are counted. They are kept
/// in two generations: when the younger one is full the older one is forgotten, with it what was never
/// answered, but nothing of the last round trip.
struct VoidedRequests: Sendable {
    /// Twice what may be in flight to a peer: a reader that jumps about voids all of it more than once
    /// in a round trip.
    private static let maximumCount = 4096

    private var younger: [Block: Int] = [:]
    private var youngerCount = 0
    private var older: [Block: Int] = [:]

    mutating func insert(_ block: Block) {
        if youngerCount >= Self.maximumCount {
            older = younger
            younger = [:]
            youngerCount = 0
        }
        younger[block, default: 0] += 1
        youngerCount += 1
    }

    /// The answer to one of them came.
    ///
    /// - Returns: false if none was asked for the block.
    mutating func take(_ block: Block) -> Bool {
        if Self.take(block, from: &older) { return true }
        return Self.take(block, from: &younger)
    }

    private static func take(_ block: Block, from counts: inout [Block: Int]) -> Bool {
        guard let count = counts[block] else { return false }
        counts[block] = count > 1 ? count - 1 : nil
        return true
    }

    /// The block was requested again of a peer that answers a cancelled request with nothing, or with
    /// the block itself.
    mutating func forget(_ block: Block) {
        younger[block] = nil
        older[block] = nil
    }
}
