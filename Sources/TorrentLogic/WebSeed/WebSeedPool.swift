package import BitTorrentProtocol

/// The web seeds of a torrent: which are in use, which rest after a failure, which are given up.
///
/// They are named by their place in the metainfo.
package struct WebSeedPool {
    package typealias Instant = ContinuousClock.Instant

    private enum State: Equatable {
        case idle
        case joined
        case dropped
    }

    private struct Entry {
        var state = State.idle
        var notBefore: Instant?
        /// Failures in a row.
        var failures = 0
        var wrongPieceCount = 0
        /// Pieces of files that it does not have; `nil` for none.
        var lacking: Bitfield?
    }

    private var entries: [Entry]
    private let pieceCount: Int

    private static let firstRetry = Duration.seconds(3)
    private static let initialBackoff = Duration.seconds(15)
    private static let maximumBackoff = Duration.seconds(3600)
    /// A file on a server may be of another version: one wrong piece is no lie yet.
    private static let maximumWrongPieceCount = 3

    package init(count: Int, pieceCount: Int) {
        entries = Array(repeating: Entry(), count: count)
        self.pieceCount = pieceCount
    }

    /// When one that rests may be used again; `nil` if none does.
    package var nextJoin: Instant? {
        entries.lazy.filter { $0.state == .idle }.compactMap(\.notBefore).min()
    }

    /// Those that are to be used from now on.
    package mutating func takeDue(now: Instant) -> [Int] {
        let due = entries.indices.filter {
            entries[$0].state == .idle && entries[$0].notBefore.map { $0 <= now } ?? true
        }
        for number in due { entries[number].state = .joined }
        return due
    }

    /// The pieces that the web seed has, as far as is known.
    package func pieces(of number: Int) -> Bitfield {
        var pieces = Bitfield(full: pieceCount)
        guard let lacking = entries[number].lacking else { return pieces }
        for piece in (0..<pieceCount).lazy.map({ PieceIndex($0) }) where lacking[piece] {
            pieces[piece] = false
        }
        return pieces
    }

    /// The web seed does not have these pieces.
    package mutating func lacks(_ pieces: Range<Int>, _ number: Int) {
        var lacking = entries[number].lacking ?? Bitfield(count: pieceCount)
        for piece in pieces { lacking[PieceIndex(piece)] = true }
        entries[number].lacking = lacking
    }

    /// A block came, so earlier failures are forgotten.
    package mutating func delivered(_ number: Int) { entries[number].failures = 0 }

    /// It is not needed for now.
    package mutating func left(_ number: Int) {
        guard entries[number].state == .joined else { return }
        entries[number].state = .idle
        entries[number].notBefore = nil
    }

    /// It rests: 3 s, then 15 s, doubled with every failure; or for as long as it wishes, if longer.
    package mutating func failed(_ number: Int, retryAfter: Duration?, now: Instant) {
        guard entries[number].state != .dropped else { return }
        let failures = entries[number].failures
        let backoff =
            failures == 0
            ? Self.firstRetry
            : min(Self.initialBackoff * (1 << min(failures - 1, 16)), Self.maximumBackoff)
        entries[number].state = .idle
        entries[number].failures += 1
        entries[number].notBefore = now + max(backoff, retryAfter ?? .zero)
    }

    /// A wrong piece is its fault.
    ///
    /// - Returns: true if it is given up for that.
    package mutating func sentWrongPiece(_ number: Int) -> Bool {
        guard entries[number].state != .dropped else { return false }
        entries[number].wrongPieceCount += 1
        guard entries[number].wrongPieceCount >= Self.maximumWrongPieceCount else { return false }
        drop(number)
        return true
    }

    /// It is never used again.
    package mutating func drop(_ number: Int) { entries[number].state = .dropped }
}
