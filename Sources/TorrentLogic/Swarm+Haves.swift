import BitTorrentProtocol

// What we tell peers of our pieces: those that are here, those that come in, those that are gone.
extension Swarm {
    /// So long new pieces are gathered, so that they leave in one segment, and that of a piece that is
    /// gone again at once nobody hears.
    static let haveInterval = Duration.milliseconds(100)

    /// The first message: the pieces we have, which only the fast extension can say in short.
    ///
    /// - Parameter isGreeted: it was sent that we have nothing.
    mutating func greet(_ index: Int, isGreeted: Bool, now: Instant) {
        if isGreeted {
            for piece in have.pieces { send(.have(piece: piece.rawValue), to: index, now: now) }
        } else if peers[index].isFast, have.isEmpty {
            send(.haveNone, to: index, now: now)
        } else if peers[index].isFast, have.isComplete {
            send(.haveAll, to: index, now: now)
        } else if !have.isEmpty {
            send(.bitfield(have.bytes), to: index, now: now)
        } else {
            // rtorrent says nothing of other peers before it has heard a message.
            send(.keepAlive, to: index, now: now)
        }
    }

    /// A piece has come in: peers that lack it hear of it soon, of the last one at once.
    mutating func announce(_ piece: PieceIndex, now: Instant) {
        for index in peers.indices where !peers[index].isWebSeed && !peers[index].has[piece] {
            peers[index].untold.append(piece)
            haveAt = haveAt ?? now + Self.haveInterval
        }
        guard have.isComplete else { return }
        sendHaves(now: now)
        actions.append(.tellUploadOnly(true))
    }

    /// Tells each peer of the pieces that came in and that it still lacks.
    mutating func sendHaves(now: Instant) {
        haveAt = nil
        for index in peers.indices {
            for piece in peers[index].untold where !peers[index].has[piece] {
                send(.have(piece: piece.rawValue), to: index, now: now)
            }
            peers[index].untold.removeAll()
        }
    }

    /// A piece is gone: whoever was told of it hears that, and all that we want data again if there
    /// was nothing left to want.
    mutating func takeBack(_ piece: PieceIndex, now: Instant) {
        if have.setCount + 1 == have.count { actions.append(.tellUploadOnly(false)) }
        for index in peers.indices where !peers[index].isWebSeed {
            if let place = peers[index].untold.firstIndex(of: piece) {
                peers[index].untold.remove(at: place)
            } else {
                actions.append(.tellLost(piece, to: peers[index].key))
                peers[index].lastSent = now
            }
        }
    }
}
