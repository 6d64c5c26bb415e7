package import BitTorrentProtocol

/// Which blocks of the unfinished pieces are in and who sent them; who is to blame when a piece
/// turns out wrong.
///
/// A wrong piece that one peer sent alone convicts that peer. A wrong piece of several peers
/// convicts nobody yet: what each sent is remembered as digests, and when the piece is right at
/// last, everyone whose block differs is convicted. So is a peer that sends two different blocks
/// for the same place.
package struct PieceAssembler {
    package enum Progress: Equatable, Sendable {
        case duplicate
        case kept
        /// The block was the last one missing.
        case complete
    }

    private struct Attempt {
        /// By block number.
        let senders: [PeerKey?]
        let digests: [UInt64]
    }

    private struct Unfinished {
        var senders: [PeerKey?]
        var missingCount: Int
    }

    private let geometry: PieceGeometry
    private var unfinished: [PieceIndex: Unfinished] = [:]
    private var failures: [PieceIndex: [Attempt]] = [:]
    /// The pieces of `failures`, oldest first.
    private var failureOrder: [PieceIndex] = []

    private static let maximumFailures = 64
    private static let maximumAttempts = 3

    package init(geometry: PieceGeometry) { self.geometry = geometry }

    package mutating func received(_ block: Block, from sender: PeerKey) -> Progress {
        if unfinished[block.piece] == nil {
            let count = geometry.blockCount(of: block.piece)
            unfinished[block.piece] = Unfinished(
                senders: [PeerKey?](repeating: nil, count: count),
                missingCount: count
            )
        }
        return Self.note(
            Int(block.offset / Block.maximumLength),
            from: sender,
            in: &unfinished[block.piece]
        )
    }

    /// Forgets the blocks of a piece that will not be finished.
    package mutating func discard(_ piece: PieceIndex) { unfinished[piece] = nil }

    package func hasFailed(_ piece: PieceIndex) -> Bool { failures[piece] != nil }

    /// Who sent the wrong blocks of a piece that failed; one who did is a bad choice for the retry.
    package func suspects(of piece: PieceIndex) -> [PeerKey] {
        Self.unique((failures[piece] ?? []).flatMap(\.senders))
    }

    /// The piece's hash is right.
    ///
    /// - Returns: the peers whose block of an earlier attempt differs, in order of their keys.
    package mutating func passed(_ piece: PieceIndex, blockDigests: [UInt64]) -> [PeerKey] {
        unfinished[piece] = nil
        guard let attempts = failures.removeValue(forKey: piece) else { return [] }
        failureOrder.removeAll { $0 == piece }
        guard blockDigests.count == geometry.blockCount(of: piece) else { return [] }
        return Self.unique(
            attempts.flatMap { attempt in
                blockDigests.indices.map { number in
                    attempt.digests[number] == blockDigests[number] ? nil : attempt.senders[number]
                }
            }
        )
    }

    /// The piece's hash is wrong.
    ///
    /// - Returns: the peers convicted by this, in order of their keys; empty if the piece must be
    ///   fetched again to tell.
    package mutating func failed(_ piece: PieceIndex, blockDigests: [UInt64]) -> [PeerKey] {
        guard let senders = unfinished.removeValue(forKey: piece)?.senders else { return [] }
        let sources = Self.unique(senders)
        guard sources.count > 1 else { return sources }
        guard blockDigests.count == senders.count else { return [] }
        let attempts = failures[piece] ?? []
        let contradicting = attempts.flatMap { attempt in
            senders.indices.map { number in
                attempt.senders[number] == senders[number]
                    && attempt.digests[number] != blockDigests[number] ? senders[number] : nil
            }
        }
        remember(Attempt(senders: senders, digests: blockDigests), of: piece)
        return Self.unique(contradicting)
    }

    private mutating func remember(_ attempt: Attempt, of piece: PieceIndex) {
        if failures[piece] == nil {
            failureOrder.append(piece)
            if failureOrder.count > Self.maximumFailures {
                failures[failureOrder.removeFirst()] = nil
            }
        }
        failures[piece, default: []].append(attempt)
        if failures[piece, default: []].count > Self.maximumAttempts {
            failures[piece]?.removeFirst()
        }
    }

    /// Static and on the entry in place, so that no array is copied.
    private static func note(
        _ number: Int,
        from sender: PeerKey,
        in entry: inout Unfinished?
    ) -> Progress {
        guard entry?.senders[number] == .some(.none) else { return .duplicate }
        entry?.senders[number] = sender
        entry?.missingCount -= 1
        return entry?.missingCount == 0 ? .complete : .kept
    }

    private static func unique(_ keys: [PeerKey?]) -> [PeerKey] {
        Set(keys.compactMap { $0 }).sorted()
    }
}
