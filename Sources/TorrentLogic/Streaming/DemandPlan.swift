package import BitTorrentProtocol

/// The pieces that readers want, in order of their deadlines: byte ranges turned into pieces, each
/// once.
///
/// Where blocks are verified by themselves (BEP 52), of a piece that is waited for only those blocks
/// are wanted that somebody has asked for; what lies ahead comes in whole pieces.
///
/// Readers move with every read, the plan only when they need something that it does not hold: a
/// rebuild costs time in proportion to its length, and there may be thousands of reads a second.
package struct DemandPlan {
    package typealias Instant = ContinuousClock.Instant

    /// What is known of pieces that are not here whole.
    package struct Progress {
        /// All blocks of the piece are requested or here, so that its place in the order is of no
        /// account.
        let isUnderWay: (PieceIndex) -> Bool
        /// Blocks of the piece are verified one by one, as they come.
        let comesInBlocks: (PieceIndex) -> Bool
        /// These blocks of the piece are verified.
        let isProved: (Range<Int>, PieceIndex) -> Bool

        package init(
            isUnderWay: @escaping (PieceIndex) -> Bool = { _ in false },
            comesInBlocks: @escaping (PieceIndex) -> Bool = { _ in false },
            isProved: @escaping (Range<Int>, PieceIndex) -> Bool = { _, _ in false }
        ) {
            self.isUnderWay = isUnderWay
            self.comesInBlocks = comesInBlocks
            self.isProved = isProved
        }
    }

    private struct Entry {
        let lead: Double
        /// Of equal deadlines the one that was asked for first.
        let number: Int
        let piece: Int
        let isUrgent: Bool
        /// The blocks that are wanted; `nil` for all.
        let part: Range<Int>?
    }

    /// The earliest deadline first.
    package private(set) var order: [PieceIndex] = []
    /// Of each piece of `order`: seconds from `madeAt` until it is needed.
    package private(set) var leads: [Double] = []
    /// No piece of `order` from this on is urgent.
    package private(set) var urgentCount = 0
    /// Pieces that became urgent since then, and are needed sooner than their leads say.
    package private(set) var hastened: [PieceIndex] = []
    /// Of the pieces of `order` that nobody wants whole: the blocks that are wanted.
    package private(set) var parts: [PieceIndex: [Range<Int>]] = [:]
    package private(set) var madeAt: Instant?

    private let geometry: PieceGeometry
    /// The pieces of `order` that are urgent, and all of them; made at the first demand.
    private var urgent: Bitfield?
    private var planned: Bitfield?
    private var readAhead: [Range<Int>] = []

    /// Only reached with tiny pieces or many readers; what is beyond follows at the next rebuild.
    private static let maximumCount = 4096
    /// Deadlines older than this are set anew: a reader may have paused.
    private static let lifetime = Duration.seconds(1)

    package init(geometry: PieceGeometry) { self.geometry = geometry }

    /// Whether somebody waits for the piece or has just read it.
    package func isUrgent(_ piece: PieceIndex) -> Bool { urgent?[piece] ?? false }

    package func isOld(now: Instant) -> Bool {
        !order.isEmpty && madeAt.map { now - $0 >= Self.lifetime } ?? true
    }

    /// Seconds since the deadlines were set.
    package func age(now: Instant) -> Double { madeAt.map { (now - $0) / .seconds(1) } ?? 0 }

    /// - Parameters:
    ///   - always: build anew even if the plan holds all that is wanted: something is not wanted any
    ///     more, or `have` lost a piece.
    /// - Returns: false if the order is as it was.
    package mutating func update(
        _ demand: ReadDemand,
        have: Bitfield,
        always: Bool = false,
        progress: Progress = Progress(),
        now: Instant
    ) -> Bool {
        let segments = demand.segments
        guard always || !holds(segments, have, progress) else { return false }
        madeAt = now
        rebuild(segments, have: have, progress)
        return true
    }

    private mutating func holds(
        _ segments: [DemandSegment],
        _ have: Bitfield,
        _ progress: Progress
    ) -> Bool {
        guard let planned, urgent != nil else { return segments.isEmpty }
        for segment in segments {
            let pieces = pieces(covering: segment)
            guard segment.isUrgent else {
                let isHeld = readAhead.contains {
                    $0.lowerBound <= pieces.lowerBound && pieces.upperBound <= $0.upperBound
                }
                guard isHeld || pieces.isEmpty else { return false }
                continue
            }
            for piece in pieces.lazy.map({ PieceIndex($0) }) where !have[piece] {
                let isWithin = parts.isEmpty || isWithinPart(segment, of: piece)
                if isWithin, isUrgent(piece) { continue }
                if progress.isProved(geometry.blocks(of: piece, covering: segment.range), piece) {
                    continue
                }
                guard isWithin, planned[piece], progress.isUnderWay(piece) else { return false }
                urgent?[piece] = true
                hastened.append(piece)
            }
        }
        return true
    }

    /// Whether all that the segment wants of a piece of the plan is wanted already.
    private func isWithinPart(_ segment: DemandSegment, of piece: PieceIndex) -> Bool {
        guard let part = parts[piece] else { return true }
        let blocks = geometry.blocks(of: piece, covering: segment.range)
        return part.contains { $0.contains(blocks) }
    }

    private mutating func rebuild(
        _ segments: [DemandSegment],
        have: Bitfield,
        _ progress: Progress
    ) {
        var planned = self.planned ?? Bitfield(count: geometry.pieceCount)
        var urgent = self.urgent ?? Bitfield(count: geometry.pieceCount)
        self.planned = nil
        self.urgent = nil
        for piece in order {
            planned[piece] = false
            urgent[piece] = false
        }
        order.removeAll(keepingCapacity: true)
        leads.removeAll(keepingCapacity: true)
        readAhead.removeAll(keepingCapacity: true)
        parts.removeAll()
        hastened.removeAll(keepingCapacity: true)
        urgentCount = 0
        for entry in entries(of: segments, have: have, progress) {
            let piece = PieceIndex(entry.piece)
            if entry.isUrgent { urgent[piece] = true }
            want(entry.part, of: piece, isNew: !planned[piece])
            guard !planned[piece] else { continue }
            guard order.count < Self.maximumCount else { break }
            planned[piece] = true
            order.append(piece)
            leads.append(entry.lead)
            if entry.isUrgent { urgentCount = order.count }
        }
        self.planned = planned
        self.urgent = urgent
    }

    private mutating func want(_ part: Range<Int>?, of piece: PieceIndex, isNew: Bool) {
        guard let part else {
            parts[piece] = nil
            return
        }
        guard isNew || parts[piece] != nil else { return }
        parts[piece, default: []].append(part)
    }

    /// By deadline; a piece that several segments want is among them more than once.
    private mutating func entries(
        of segments: [DemandSegment],
        have: Bitfield,
        _ progress: Progress
    ) -> [Entry] {
        var entries: [Entry] = []
        for segment in segments {
            let pieces = pieces(covering: segment)
            if !segment.isUrgent, !pieces.isEmpty { noteReadAhead(pieces) }
            for piece in pieces where !have[PieceIndex(piece)] {
                let part =
                    segment.isUrgent
                    ? part(of: PieceIndex(piece), wantedBy: segment, progress) : nil
                if let part, progress.isProved(part, PieceIndex(piece)) { continue }
                let offset = UInt64(piece) * UInt64(geometry.pieceLength)
                entries.append(
                    Entry(
                        lead: segment.lead(of: offset),
                        number: entries.count,
                        piece: piece,
                        isUrgent: segment.isUrgent,
                        part: part
                    )
                )
            }
        }
        entries.sort { ($0.lead, $0.number) < ($1.lead, $1.number) }
        return entries
    }

    /// - Returns: `nil` for all of it.
    private func part(
        of piece: PieceIndex,
        wantedBy segment: DemandSegment,
        _ progress: Progress
    ) -> Range<Int>? {
        guard progress.comesInBlocks(piece) else { return nil }
        let blocks = geometry.blocks(of: piece, covering: segment.range)
        return blocks.isEmpty || blocks.count == geometry.blockCount(of: piece) ? nil : blocks
    }

    /// Joined with the one before it, so that a window that moves within is held.
    private mutating func noteReadAhead(_ pieces: Range<Int>) {
        if let last = readAhead.last, last.upperBound >= pieces.lowerBound,
            last.lowerBound <= pieces.lowerBound
        {
            readAhead[readAhead.count - 1] =
                last.lowerBound..<max(last.upperBound, pieces.upperBound)
        } else {
            readAhead.append(pieces)
        }
    }

    private func pieces(covering segment: DemandSegment) -> Range<Int> {
        geometry.pieces(covering: segment.range.clamped(to: 0..<geometry.totalLength))
    }
}
