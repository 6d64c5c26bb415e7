package import BitTorrentProtocol

// What the cache must know: what is being fetched, what readers are about to read, what is gone.
extension Swarm {
    /// Bytes that the pieces will take which are being fetched: room for them has to be there before
    /// they come.
    ///
    /// Of a piece of which blocks alone are wanted these, and not all of it.
    package var expectedByteCount: UInt64 { picker.expectedByteCount }

    /// The pieces that readers wait for, have just read or are about to read: were they evicted, they
    /// would be fetched again at once.
    package var wantedPieces: [Range<Int>] {
        (demand.urgentRanges + demand.readAheadRanges).map { range in
            geometry.pieces(covering: range.clamped(to: 0..<geometry.totalLength))
        }
    }

    /// Whether blocks of the piece are requested or here, though it is not whole.
    package func isUnfinished(_ piece: PieceIndex) -> Bool { picker.isUnfinished(piece) }

    /// Pieces that we had, or blocks of pieces that were proved, are gone (evicted, or their bytes on
    /// disk turned out wrong).
    ///
    /// Peers are told, and their requests for them are turned down.
    package mutating func lost(_ pieces: [PieceIndex], now: Instant) {
        for piece in pieces {
            precondition(geometry.contains(piece))
            guard have[piece] else {
                assembler.forget(piece)
                picker.drop(piece)
                hashes?.forget(piece)
                continue
            }
            have[piece] = false
            for index in peers.indices where peers[index].has[piece] {
                peers[index].offerCount += 1
            }
            takeBack(piece, now: now)
        }
        guard !pieces.isEmpty else { return }
        turnDownLost(now: now)
        replan(now: now, always: true)
    }

    /// A piece that we had is gone.
    package mutating func lost(_ piece: PieceIndex, now: Instant) { lost([piece], now: now) }

    private mutating func turnDownLost(now: Instant) {
        for index in peers.indices where !peers[index].queuedRequests.isEmpty {
            let dropped = peers[index].queuedRequests.filter { !have[$0.piece] }
            guard !dropped.isEmpty else { continue }
            peers[index].queuedRequests.removeAll { !have[$0.piece] }
            for block in dropped { reject(BlockRequest(block), of: index, now: now) }
        }
    }
}
