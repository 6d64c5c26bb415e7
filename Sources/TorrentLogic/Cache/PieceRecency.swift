package import BitTorrentProtocol

/// The cached pieces of one torrent in the order in which they were last read.
///
/// Two queues: of pieces that were read in one visit, and of those that somebody came back to. The
/// latter count as read `bonus` later than they were, so that a scan of something longer than the
/// cache evicts itself and not what is read again and again. Every operation takes the same time,
/// however many pieces there are: the queues are linked through flat arrays.
package struct PieceRecency: Sendable {
    /// Seconds since 1970.
    package typealias Moment = UInt32

    /// Reads of a piece that are less apart are one visit: a piece is read in many parts.
    private static let visitGap: Moment = 30
    /// How much later a piece that was visited again counts as read.
    package static let bonus: Moment = 3600

    private struct Traits: OptionSet {
        let rawValue: UInt8
        static let isMember = Self(rawValue: 1)
        /// Read since it came.
        static let isVisited = Self(rawValue: 2)
        /// Visited again.
        static let isHot = Self(rawValue: 4)
    }

    private let pieceCount: Int
    /// Links of the pieces, then of the heads of both queues; empty until a piece comes.
    private var next: [UInt32] = []
    private var previous: [UInt32] = []
    private var readAt: [Moment] = []
    private var traits: [Traits] = []
    /// Pieces in both queues.
    package private(set) var count = 0

    package init(pieceCount: Int) { self.pieceCount = pieceCount }

    package func contains(_ piece: PieceIndex) -> Bool {
        !traits.isEmpty && traits[Int(piece.rawValue)].contains(.isMember)
    }

    /// Adds a piece; one that is there already stays where it is.
    package mutating func insert(_ piece: PieceIndex, at now: Moment) {
        guard !contains(piece) else { return }
        if next.isEmpty { makeRoom() }
        let number = Int(piece.rawValue)
        traits[number] = .isMember
        readAt[number] = now
        append(number)
        count += 1
    }

    /// Somebody read of the piece.
    package mutating func touch(_ piece: PieceIndex, at now: Moment) {
        guard contains(piece) else { return }
        let number = Int(piece.rawValue)
        let isAnotherVisit = now > readAt[number] && now - readAt[number] >= Self.visitGap
        guard now != readAt[number] || !traits[number].contains(.isVisited) else { return }
        unlink(number)
        if isAnotherVisit, traits[number].contains(.isVisited) { traits[number].insert(.isHot) }
        traits[number].insert(.isVisited)
        readAt[number] = now
        append(number)
    }

    /// Puts a piece that may not be evicted now behind all others of its queue.
    package mutating func postpone(_ piece: PieceIndex, at now: Moment) {
        guard contains(piece) else { return }
        let number = Int(piece.rawValue)
        unlink(number)
        readAt[number] = now
        append(number)
    }

    package mutating func remove(_ piece: PieceIndex) {
        guard contains(piece) else { return }
        let number = Int(piece.rawValue)
        unlink(number)
        traits[number] = []
        count -= 1
    }

    /// The piece to evict first, and as of when it counts as read; `nil` if there is none.
    package var oldest: (piece: PieceIndex, moment: Moment)? {
        guard count > 0 else { return nil }
        let once = front(of: pieceCount)
        let hot = front(of: pieceCount + 1).map {
            (piece: $0.piece, moment: $0.moment.addingClamped(Self.bonus))
        }
        guard let once, let hot else { return once ?? hot }
        return once.moment <= hot.moment ? once : hot
    }

    // MARK: Links

    private func front(of head: Int) -> (piece: PieceIndex, moment: Moment)? {
        let number = Int(next[head])
        return number == head ? nil : (PieceIndex(number), readAt[number])
    }

    private mutating func makeRoom() {
        next = Array(repeating: 0, count: pieceCount + 2)
        previous = next
        for head in pieceCount..<pieceCount + 2 {
            next[head] = UInt32(head)
            previous[head] = UInt32(head)
        }
        readAt = Array(repeating: 0, count: pieceCount)
        traits = Array(repeating: [], count: pieceCount)
    }

    private mutating func append(_ number: Int) {
        let head = traits[number].contains(.isHot) ? pieceCount + 1 : pieceCount
        let last = Int(previous[head])
        next[last] = UInt32(number)
        previous[number] = UInt32(last)
        next[number] = UInt32(head)
        previous[head] = UInt32(number)
    }

    private mutating func unlink(_ number: Int) {
        next[Int(previous[number])] = next[number]
        previous[Int(next[number])] = previous[number]
    }
}

extension UInt32 {
    fileprivate func addingClamped(_ other: UInt32) -> UInt32 {
        let (sum, isOver) = addingReportingOverflow(other)
        return isOver ? .max : sum
    }
}
