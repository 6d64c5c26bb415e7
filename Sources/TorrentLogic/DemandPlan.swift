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

    /// Whether somebody waits for the piece or has just read it.
    package func isUrgent(_ piece: PieceIndex) -> Bool { urgent?[piece] ?? false }

    /// - Parameters:
    ///   - always: build anew even if the plan holds all that is wanted: something is not wanted any
    ///     more, or `have` lost a piece.
    ///   - isUnderWay: all blocks of the piece are requested or here, so that its place in the order
    ///     is of no account.
    /// - Returns: false if the order is as it was.
    package mutating func update(
        _ demand: ReadDemand,
        have: Bitfield,
        always: Bool = false,
        isUnderWay: (PieceIndex) -> Bool = { _ in false }
    ) -> Bool {
        let urgentPieces = pieces(covering: demand.urgentRanges)
        let readAhead = pieces(covering: demand.readAheadRanges)
        guard always || !holds(urgentPieces, readAhead, have, isUnderWay) else { return false }
        self.readAhead = readAhead
        rebuild(urgentPieces, have: have)
        return true
    }

    private mutating func holds(
        _ urgentPieces: [Range<Int>],
        _ readAhead: [Range<Int>],
        _ have: Bitfield,
        _ isUnderWay: (PieceIndex) -> Bool
    ) -> Bool {
        guard let planned, urgent != nil else { return urgentPieces.isEmpty && readAhead.isEmpty }
        for range in urgentPieces {
            for piece in range.lazy.map({ PieceIndex($0) })
            where !have[piece] && !isUrgent(piece) {
                guard planned[piece], isUnderWay(piece) else { return false }
                urgent?[piece] = true
            }
        }
        return readAhead.allSatisfy { range in
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
