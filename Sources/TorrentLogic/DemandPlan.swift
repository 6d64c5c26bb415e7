package import BitTorrentProtocol

/// The pieces that readers want, in order of need: byte ranges turned into pieces, each once.
package struct DemandPlan {
    /// What is waited for first, then the read-ahead of all streams, piece by piece in turn.
    package private(set) var order: [PieceIndex] = []
    package private(set) var urgentCount = 0

    private let geometry: PieceGeometry
    private var urgent: [Range<Int>] = []
    private var readAhead: [Range<Int>] = []

    /// More than any window holds; only reached with tiny pieces and many readers.
    private static let maximumCount = 8192

    package init(geometry: PieceGeometry) { self.geometry = geometry }

    /// - Returns: false if the same pieces are wanted as before.
    package mutating func update(_ demand: ReadDemand, have: Bitfield) -> Bool {
        let urgent = pieces(covering: demand.urgentRanges)
        let readAhead = pieces(covering: demand.readAheadRanges)
        guard urgent != self.urgent || readAhead != self.readAhead else { return false }
        self.urgent = urgent
        self.readAhead = readAhead
        rebuild(have: have)
        return true
    }

    /// Builds the order anew because `have` lost a piece.
    package mutating func rebuild(have: Bitfield) {
        order.removeAll(keepingCapacity: true)
        var seen = Set<Int>()
        for range in urgent {
            for piece in range { append(piece, have: have, seen: &seen) }
        }
        urgentCount = order.count
        var depth = 0
        var isExhausted = false
        while !isExhausted, order.count < Self.maximumCount {
            isExhausted = true
            for range in readAhead where depth < range.count {
                isExhausted = false
                append(range.lowerBound + depth, have: have, seen: &seen)
            }
            depth += 1
        }
    }

    private mutating func append(_ piece: Int, have: Bitfield, seen: inout Set<Int>) {
        let index = PieceIndex(piece)
        guard !have[index], order.count < Self.maximumCount, seen.insert(piece).inserted else {
            return
        }
        order.append(index)
    }

    /// Ranges in the same piece follow each other when many small reads wait: they count once.
    private func pieces(covering ranges: [Range<UInt64>]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for range in ranges {
            let inside = range.clamped(to: 0..<geometry.totalLength)
            let pieces = geometry.pieces(covering: inside)
            if !pieces.isEmpty, result.last != pieces { result.append(pieces) }
        }
        return result
    }
}
