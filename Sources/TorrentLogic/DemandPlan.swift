package import BitTorrentProtocol

/// The pieces that readers want, in order of need: byte ranges turned into pieces, each once.
///
/// Readers move with every read, the plan only when they need something that it does not hold: a
/// rebuild costs time in proportion to its length, and there may be thousands of reads a second.
package struct DemandPlan {
    /// What is waited for first, then the read-ahead of all streams, piece by piece in turn.
    package private(set) var order: [PieceIndex] = []
    package private(set) var urgentCount = 0

    private let geometry: PieceGeometry
    /// The pieces of `order` that are urgent, and all of them; made at the first demand.
    private var urgent: Bitfield?
    private var planned: Bitfield?
    private var readAhead: [Range<Int>] = []

    /// Only reached with tiny pieces or many readers; what is beyond follows at the next rebuild.
    private static let maximumCount = 1024

    package init(geometry: PieceGeometry) { self.geometry = geometry }

    /// - Parameter always: build anew even if the plan holds all that is wanted: something is not
    ///   wanted any more, or `have` lost a piece.
    /// - Returns: false if the plan is as it was.
    package mutating func update(
        _ demand: ReadDemand,
        have: Bitfield,
        always: Bool = false
    ) -> Bool {
        let urgentPieces = pieces(covering: demand.urgentRanges)
        let readAhead = pieces(covering: demand.readAheadRanges)
        guard always || !holds(urgentPieces, readAhead, have: have) else { return false }
        self.readAhead = readAhead
        rebuild(urgentPieces, have: have)
        return true
    }

    private func holds(
        _ urgentPieces: [Range<Int>],
        _ readAhead: [Range<Int>],
        have: Bitfield
    ) -> Bool {
        guard let urgent else { return urgentPieces.isEmpty && readAhead.isEmpty }
        return urgentPieces.allSatisfy { range in
            range.allSatisfy { have[PieceIndex($0)] || urgent[PieceIndex($0)] }
        }
            && readAhead.allSatisfy { range in
                self.readAhead.contains {
                    $0.lowerBound <= range.lowerBound && range.upperBound <= $0.upperBound
                }
            }
    }

    private mutating func rebuild(_ urgentPieces: [Range<Int>], have: Bitfield) {
        var planned = self.planned ?? Bitfield(count: geometry.pieceCount)
        var urgent = self.urgent ?? Bitfield(count: geometry.pieceCount)
        self.planned = nil
        self.urgent = nil
        for piece in order {
            planned[piece] = false
            urgent[piece] = false
        }
        order.removeAll(keepingCapacity: true)
        for range in urgentPieces {
            for piece in range where append(PieceIndex(piece), have: have, planned: &planned) {
                urgent[PieceIndex(piece)] = true
            }
        }
        urgentCount = order.count
        let longest = readAhead.map(\.count).max() ?? 0
        for depth in 0..<longest {
            for range in readAhead where depth < range.count {
                _ = append(PieceIndex(range.lowerBound + depth), have: have, planned: &planned)
            }
            guard order.count < Self.maximumCount else { break }
        }
        self.planned = planned
        self.urgent = urgent
    }

    private mutating func append(
        _ piece: PieceIndex,
        have: Bitfield,
        planned: inout Bitfield
    ) -> Bool {
        guard !have[piece], !planned[piece], order.count < Self.maximumCount else { return false }
        planned[piece] = true
        order.append(piece)
        return true
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
